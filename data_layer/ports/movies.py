"""The films of the catalogue."""

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

from data_layer.entities.movie import MovieFacts, StoredMovie
from data_layer.entities.movie_query import MoviePage, MovieQuery

Title = tuple[str, int | None]
"""A key of `common.text.match_key`, and a year, or `None` for any."""

Change = tuple[MovieFacts, MovieFacts]
"""What was known of a film, and what is known now."""


class MovieRepository(Protocol):
    """Keeps whole films: nothing of one is stored or removed without the rest."""

    def add(self, facts: MovieFacts) -> StoredMovie:
        """Store a new film under the next free id; ids are never given twice.

        Raises:
            Conflict: a film with this IMDb id is there.
        """
        ...

    def add_many(self, films: Sequence[MovieFacts]) -> tuple[StoredMovie, ...]:
        """Store new films, in their order; see `add`. At least one, at most a few hundred.

        Raises:
            Conflict: one of them is there, or is given twice.
        """
        ...

    def get(self, movie_id: int) -> StoredMovie:
        """Return the film with this id.

        Raises:
            NotFound: there is none.
        """
        ...

    def find_by_imdb_id(self, imdb_id: str) -> StoredMovie | None:
        """Return the film with this IMDb id, if there is one."""
        ...

    def find_many_by_imdb_id(self, imdb_ids: Collection[str]) -> Mapping[str, StoredMovie]:
        """Return the films with these IMDb ids, those that there are. At most a few hundred."""
        ...

    def find_many_by_title(self, titles: Collection[Title]) -> Mapping[Title, tuple[int, ...]]:
        """Return the ids of the films of each of these titles, ascending, where there are any."""
        ...

    def get_many(self, movie_ids: Collection[int]) -> Mapping[int, StoredMovie]:
        """Return the films with these ids, those that there are."""
        ...

    def find_by_title(self, title: str, year: int | None = None) -> tuple[StoredMovie, ...]:
        """Return the films of this title, most votes first, then the newest, then the oldest id.

        At most 20; case and accents don't matter. Empty where there are none.
        """
        ...

    def list(self, query: MovieQuery) -> MoviePage:
        """Return the page that is asked for."""
        ...

    def revision(self) -> int:
        """Return how often films have changed, the changes of this unit of work included.

        Two equal revisions are the same films; a larger one is a newer one.
        """
        ...

    def update(self, movie_id: int, facts: MovieFacts) -> StoredMovie:
        """Replace all that is known of the film with this id.

        Raises:
            NotFound: there is none.
            Conflict: another film has this IMDb id.
        """
        ...

    def update_many(self, changes: Mapping[int, Change]) -> None:
        """Replace all that is known of the films with these ids, which are there.

        Raises:
            Conflict: another film has one of the IMDb ids.
        """
        ...

    def remove_many(self, movie_ids: Collection[int]) -> None:
        """Remove the films with these ids, which are there, and all that only they need."""
        ...

    def remove(self, movie_id: int) -> None:
        """Remove the film with this id and all that only it needs.

        Raises:
            NotFound: there is none.
        """
        ...
