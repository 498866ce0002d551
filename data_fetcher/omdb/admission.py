"""Admission control of OMDb requests, as the client and the worker require it."""

import datetime as dt
from collections.abc import Awaitable
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from common.errors import MoviesError
from data_fetcher.omdb.lookups import MovieLookup
from data_layer.entities.movie import MovieFacts


class Purpose(StrEnum):
    """Reason for a request; it determines the share of the daily quota that may be used."""

    INTERACTIVE = "direct"
    """A client waits for the movie."""
    BACKGROUND = "fetch"
    """A queued fetch job; no client waits for it."""
    SEED = "seed"
    REFRESH = "refresh"
    """The stored data of the movie is outdated."""


@dataclass(frozen=True, slots=True)
class Admission:
    """Admission of one attempt, with the state of the circuit breaker that admitted it.

    Args:
        probe_until: End of the time for this probe, in UTC, which no two probes have in common;
            None for an attempt that began while the circuit was closed.
    """

    probe_until: dt.datetime | None = None


class FetchMovie(Protocol):
    """Function that fetches one movie; see `data_fetcher.omdb.client.OmdbClient.fetch`."""

    def __call__(self, lookup: MovieLookup, purpose: Purpose, /) -> Awaitable[MovieFacts]:
        """Return the requested movie."""
        ...


class AdmissionControl(Protocol):
    """Decision about each attempt to send a request to OMDb."""

    async def admit(self, purpose: Purpose, /) -> Admission:
        """Wait until an attempt may begin, and count it.

        Raises:
            UpstreamUnavailable: The circuit breaker is open or the quota is used up; the error
                has `is_refusal`.
            DatabaseUnavailable: The quota could not be read.
        """
        ...

    async def record_outcome(self, admission: Admission, error: MoviesError | None, /) -> None:
        """Record the error of an admitted attempt; None means success."""
        ...

    def seconds_until_admitted(self, purpose: Purpose, /) -> float:
        """Return the seconds until an attempt may be admitted; 0 for now."""
        ...
