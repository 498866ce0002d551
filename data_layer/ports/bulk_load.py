"""Filling a catalogue with more films than repositories are made for."""

from collections.abc import Collection, Sequence
from typing import Protocol

from data_layer.entities.movie import MovieFacts


class BulkLoad(Protocol):
    """Stores new films in one transaction; it ends with the context that gave the load."""

    @property
    def next_id(self) -> int:
        """The id of the next film that is added."""
        ...

    def known(self, imdb_ids: Collection[str]) -> Collection[str]:
        """Return which of these IMDb ids are in the catalogue. At most some thousands."""
        ...

    def add_many(self, films: Sequence[MovieFacts], ids: Sequence[int] | None = None) -> None:
        """Store new films, in their order; some thousands at once are quickest.

        Args:
            films: any number.
            ids: of the films, where they are to have others than the next ones: rising, and the
                first one not below `next_id`.

        Raises:
            Conflict: one of them is there, or is given twice.
        """
        ...
