"""Repository of movies."""

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

from data_layer.entities.movie import MovieFacts, StoredMovie
from data_layer.entities.movie_query import MoviePage, MovieQuery

Title = tuple[str, int | None]
"""Key of `common.text.match_key`, and the year; `None` matches any year."""

Change = tuple[MovieFacts, MovieFacts]
"""Previous and new facts of a movie."""


class MovieRepository(Protocol):
    """Movies of the catalogue, each stored and deleted together with its related rows."""

    def add(self, facts: MovieFacts) -> StoredMovie:
        """Store a new movie under the next id. Ids are never reused.

        Raises:
            Conflict: A movie has this IMDb id.
        """
        ...

    def add_many(self, movies: Sequence[MovieFacts]) -> tuple[StoredMovie, ...]:
        """Store new movies in order; at least one, at most a few hundred. See `add`.

        Raises:
            Conflict: A movie has one of the IMDb ids, or one is given twice.
        """
        ...

    def get(self, movie_id: int) -> StoredMovie:
        """Return the movie with this id."""
        ...

    def find_by_imdb_id(self, imdb_id: str) -> StoredMovie | None:
        """Return the movie with this IMDb id, or `None`."""
        ...

    def find_many_by_imdb_id(self, imdb_ids: Collection[str]) -> Mapping[str, StoredMovie]:
        """Return the existing movies with these IMDb ids; for at most a few hundred ids."""
        ...

    def find_many_by_title(self, titles: Collection[Title]) -> Mapping[Title, tuple[int, ...]]:
        """Return the ids of the movies with each title, ascending; other titles are absent."""
        ...

    def find_ids_by_imdb_id(self, imdb_ids: Collection[str]) -> Mapping[str, int]:
        """Return the ids of the movies with these IMDb ids; others are absent."""
        ...

    def find_first_ids_by_title(self, titles: Collection[Title]) -> Mapping[Title, int]:
        """Return the id of the movie with each title that `find_by_title` returns first.

        Titles without a movie are absent.
        """
        ...

    def get_many(self, movie_ids: Collection[int]) -> Mapping[int, StoredMovie]:
        """Return the existing movies with these ids."""
        ...

    def find_by_title(self, title: str, year: int | None = None) -> tuple[StoredMovie, ...]:
        """Return at most 20 movies with this title; empty without a match.

        The match ignores case and accents. Movies with more votes come first, then those of later
        years, then lower ids.
        """
        ...

    def list(self, query: MovieQuery) -> MoviePage:
        """Return the requested page."""
        ...

    def revision(self) -> int:
        """Return the revision of the catalogue, including changes of this unit of work.

        Every change of a movie increments it, so that equal revisions mean equal movies.
        """
        ...

    def update(self, movie_id: int, facts: MovieFacts) -> StoredMovie:
        """Replace all facts of the movie with this id.

        Raises:
            NotFound: No movie has this id.
            Conflict: Another movie has this IMDb id.
        """
        ...

    def update_many(self, changes: Mapping[int, Change]) -> None:
        """Replace all facts of existing movies, by id.

        Raises:
            Conflict: Another movie has one of the IMDb ids.
        """
        ...

    def remove_many(self, movie_ids: Collection[int]) -> None:
        """Delete existing movies, and people and genres that no other movie has."""
        ...

    def remove(self, movie_id: int) -> None:
        """Delete the movie with this id, and people and genres that no other movie has."""
        ...
