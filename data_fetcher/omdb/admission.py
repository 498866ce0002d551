"""What the client of OMDb asks before each attempt, and tells after it."""

from collections.abc import Awaitable
from enum import StrEnum
from typing import Protocol

from common.errors import MoviesError
from data_fetcher.omdb.lookups import Wish
from data_layer.entities.movie import MovieFacts


class Purpose(StrEnum):
    """For whom OMDb is asked; some have to leave the others a part of the day's requests."""

    DIRECT = "direct"
    """Somebody waits for the film."""
    WISH = "wish"
    """Somebody has wished for it, and does not wait."""
    SEED = "seed"
    REFRESH = "refresh"
    """The film is there, and has grown old."""


class Ask(Protocol):
    """Asks OMDb for one film; see `data_fetcher.omdb.client.OmdbClient.fetch`."""

    def __call__(self, wish: Wish, purpose: Purpose, /) -> Awaitable[MovieFacts]:
        """Return the film that is wished for."""
        ...


class Care(Protocol):
    """Decides about attempts."""

    async def admit(self, purpose: Purpose) -> None:
        """Return when an attempt may begin; it counts from now on.

        Raises:
            UpstreamUnavailable: it may not; nothing was sent.
            DatabaseUnavailable: nobody knows.
        """
        ...

    async def note(self, error: MoviesError | None) -> None:
        """Take in how an attempt has ended; `None` is well."""
        ...


class NoCare:
    """Lets everybody ask."""

    async def admit(self, purpose: Purpose) -> None:
        """Return at once."""

    async def note(self, error: MoviesError | None) -> None:
        """Forget it."""
