"""Movies in a dictionary by id."""

from collections.abc import Collection, Iterator, Mapping, Sequence

from common.errors import Conflict, NotFound
from common.text import match_key
from data_layer.entities.movie import MovieFacts, StoredMovie
from data_layer.entities.movie_query import (
    UNKNOWN_YEAR,
    MovieFilter,
    MoviePage,
    MovieQuery,
    MovieSort,
    SortField,
    SortPosition,
)
from data_layer.entities.movie_serialization import render_movie
from data_layer.ports.movies import Change, MovieRepository, Title


class MovieRows(dict[int, MovieFacts]):
    """Facts by movie id, and the counters of the catalogue."""

    last_id = 0
    revision = 0


class FakeMovieRepository(MovieRepository):
    """In-memory `data_layer.ports.movies.MovieRepository`."""

    def __init__(self) -> None:
        self.rows = MovieRows()

    def add(self, facts: MovieFacts) -> StoredMovie:
        """Store the movie under the next id."""
        if facts.imdb_id is not None and self.find_by_imdb_id(facts.imdb_id) is not None:
            raise Conflict("A movie with this IMDb id is in the catalogue.")
        self.rows.last_id += 1
        self.rows[self.rows.last_id] = facts
        self.rows.revision += 1
        return self.get(self.rows.last_id)

    def add_many(self, movies: Sequence[MovieFacts]) -> tuple[StoredMovie, ...]:
        """Store the movies one by one."""
        return tuple(map(self.add, movies))

    def get(self, movie_id: int) -> StoredMovie:
        """Return the movie with this id."""
        if movie_id not in self.rows:
            raise NotFound("No movie has this id.")
        return StoredMovie(movie_id, render_movie(movie_id, self.rows[movie_id]))

    def find_by_imdb_id(self, imdb_id: str) -> StoredMovie | None:
        """Return the movie with this IMDb id, or `None`."""
        ids = (key for key, facts in self.rows.items() if facts.imdb_id == imdb_id)
        return next(map(self.get, ids), None)

    def find_many_by_imdb_id(self, imdb_ids: Collection[str]) -> dict[str, StoredMovie]:
        """Return the existing movies with these IMDb ids."""
        found = {imdb_id: self.find_by_imdb_id(imdb_id) for imdb_id in imdb_ids}
        return {imdb_id: movie for imdb_id, movie in found.items() if movie is not None}

    def find_many_by_title(self, titles: Collection[Title]) -> dict[Title, tuple[int, ...]]:
        """Return the ids of the movies with each title."""
        found = {
            (key, year): tuple(self._ids(MovieFilter(title=key, year=year))) for key, year in titles
        }
        return {title: tuple(sorted(ids)) for title, ids in found.items() if ids}

    def find_ids_by_imdb_id(self, imdb_ids: Collection[str]) -> dict[str, int]:
        """Return the ids of the movies with these IMDb ids."""
        found = self.find_many_by_imdb_id(imdb_ids)
        return {imdb_id: movie.id for imdb_id, movie in found.items()}

    def find_first_ids_by_title(self, titles: Collection[Title]) -> dict[Title, int]:
        """Return the id of the most popular movie with each title."""
        found = {title: self.find_by_title(*title) for title in titles}
        return {title: movies[0].id for title, movies in found.items() if movies}

    def get_many(self, movie_ids: Collection[int]) -> dict[int, StoredMovie]:
        """Return the existing movies with these ids."""
        return {number: self.get(number) for number in movie_ids if number in self.rows}

    def find_by_title(self, title: str, year: int | None = None) -> tuple[StoredMovie, ...]:
        """Return at most 20 movies with this title, the most popular first."""
        ids = sorted(self._ids(MovieFilter(title=title, year=year)), key=self._popularity_key)
        return tuple(map(self.get, ids[:20]))

    def list(self, query: MovieQuery) -> MoviePage:
        """Filter and sort all movies, and return the requested page."""
        ids = list(self._ids(query.filter))
        positions = sorted(
            ((self._position(movie_id, query.sort), movie_id) for movie_id in ids),
            reverse=query.sort.is_descending,
        )
        if (after := query.after) is not None:
            positions = [
                (position, movie_id)
                for position, movie_id in positions
                if (position < after if query.sort.is_descending else position > after)
            ]
        rest = positions[query.skip :]
        page = rest[: query.limit]
        return MoviePage(
            movies=tuple(self.get(movie_id) for _position, movie_id in page),
            next_after=page[-1][0] if len(rest) > len(page) else None,
            total=len(ids) if query.counts_total else None,
        )

    def update(self, movie_id: int, facts: MovieFacts) -> StoredMovie:
        """Replace the facts of the movie."""
        self.get(movie_id)
        other = self.find_by_imdb_id(facts.imdb_id) if facts.imdb_id else None
        if other is not None and other.id != movie_id:
            raise Conflict("A movie with this IMDb id is in the catalogue.")
        self.rows[movie_id] = facts
        self.rows.revision += 1
        return self.get(movie_id)

    def update_many(self, changes: Mapping[int, Change]) -> None:
        """Replace the facts of the movies one by one."""
        for movie_id, (_before, after) in changes.items():
            self.update(movie_id, after)

    def remove_many(self, movie_ids: Collection[int]) -> None:
        """Delete the movies one by one."""
        for movie_id in movie_ids:
            self.remove(movie_id)

    def remove(self, movie_id: int) -> None:
        """Delete the movie."""
        self.get(movie_id)
        del self.rows[movie_id]
        self.rows.revision += 1

    def revision(self) -> int:
        """Return the revision: the number of changes so far."""
        return self.rows.revision

    def _ids(self, conditions: MovieFilter) -> Iterator[int]:
        for movie_id, facts in self.rows.items():
            if (
                _matches(conditions.title, (facts.title,))
                and conditions.year in {None, facts.year}
                and _matches(conditions.genre, facts.genres)
                and _matches(conditions.cast, facts.cast)
            ):
                yield movie_id

    def _popularity_key(self, movie_id: int) -> tuple[int, int, int]:
        facts = self.rows[movie_id]
        votes = -1 if facts.imdb_votes is None else facts.imdb_votes
        return -votes, -(facts.year or UNKNOWN_YEAR), movie_id

    def _position(self, movie_id: int, sort: MovieSort) -> SortPosition:
        facts = self.rows[movie_id]
        title_key, year_key = match_key(facts.title), facts.year or UNKNOWN_YEAR
        positions: dict[SortField, SortPosition] = {
            "title": (title_key, year_key, movie_id),
            "year": (year_key, title_key, movie_id),
            "id": (movie_id,),
        }
        return positions[sort.field]


def _matches(text: str | None, values: tuple[str, ...]) -> bool:
    return text is None or match_key(text) in map(match_key, values)
