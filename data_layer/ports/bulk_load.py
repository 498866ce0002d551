"""Bulk load of movies, in amounts for which repositories are too slow."""

from collections.abc import Collection, Sequence
from typing import Protocol

from data_layer.entities.movie import MovieFacts


class BulkLoad(Protocol):
    """Loader of new movies in one transaction, which ends with the context of the load."""

    @property
    def next_id(self) -> int:
        """Id of the next added movie."""
        ...

    def find_existing(self, imdb_ids: Collection[str]) -> Collection[str]:
        """Return those of the IMDb ids that are in the catalogue; for at most some thousands."""
        ...

    def add_many(self, movies: Sequence[MovieFacts], ids: Sequence[int] | None = None) -> None:
        """Store new movies in order. Batches of some thousands are fastest.

        Args:
            movies: Any number of movies.
            ids: Ids of the movies, ascending, the first at least `next_id`; by default,
                consecutive ids from `next_id`.

        Raises:
            Conflict: A movie exists, or was added twice.
        """
        ...
