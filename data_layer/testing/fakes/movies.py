"""The films, in a dictionary."""

from collections.abc import Collection, Iterator, Mapping, Sequence

from common.errors import Conflict, NotFound
from common.text import match_key
from data_layer.entities.movie import MovieFacts, StoredMovie
from data_layer.entities.movie_document import movie_document
from data_layer.entities.movie_query import (
    UNKNOWN_YEAR,
    MovieFilter,
    MoviePage,
    MovieQuery,
    MovieSort,
    Position,
    SortField,
)
from data_layer.ports.movies import Change, Title


class FakeMovieRepository:
    """See `data_layer.ports.movies.MovieRepository`."""

    def __init__(self, facts_by_id: dict[int, MovieFacts], last_id: int, revision: int) -> None:
        self.facts_by_id = facts_by_id
        self.last_id = last_id
        self._revision = revision

    def add(self, facts: MovieFacts) -> StoredMovie:
        """Store the film under the next id."""
        if facts.imdb_id is not None and self.find_by_imdb_id(facts.imdb_id) is not None:
            raise Conflict("A movie with this IMDb id is in the catalogue.")
        self.last_id += 1
        self.facts_by_id[self.last_id] = facts
        self._revision += 1
        return self.get(self.last_id)

    def add_many(self, films: Sequence[MovieFacts]) -> tuple[StoredMovie, ...]:
        """Store the films one by one."""
        return tuple(map(self.add, films))

    def get(self, movie_id: int) -> StoredMovie:
        """Return the film of this id."""
        if movie_id not in self.facts_by_id:
            raise NotFound("No movie has this id.")
        return StoredMovie(movie_id, movie_document(movie_id, self.facts_by_id[movie_id]))

    def find_by_imdb_id(self, imdb_id: str) -> StoredMovie | None:
        """Return the film of this IMDb id."""
        ids = (key for key, facts in self.facts_by_id.items() if facts.imdb_id == imdb_id)
        return next(map(self.get, ids), None)

    def find_many_by_imdb_id(self, imdb_ids: Collection[str]) -> dict[str, StoredMovie]:
        """Return the films of these IMDb ids."""
        found = {imdb_id: self.find_by_imdb_id(imdb_id) for imdb_id in imdb_ids}
        return {imdb_id: movie for imdb_id, movie in found.items() if movie is not None}

    def find_many_by_title(self, titles: Collection[Title]) -> dict[Title, tuple[int, ...]]:
        """Return the ids of the films of these titles."""
        found = {
            (key, year): tuple(self._ids(MovieFilter(title=key, year=year))) for key, year in titles
        }
        return {title: tuple(sorted(ids)) for title, ids in found.items() if ids}

    def get_many(self, movie_ids: Collection[int]) -> dict[int, StoredMovie]:
        """Return the films of these ids."""
        return {number: self.get(number) for number in movie_ids if number in self.facts_by_id}

    def find_by_title(self, title: str, year: int | None = None) -> tuple[StoredMovie, ...]:
        """Return the films of this title, the best known first."""
        ids = sorted(self._ids(MovieFilter(title=title, year=year)), key=self._fame)
        return tuple(map(self.get, ids[:20]))

    def list(self, query: MovieQuery) -> MoviePage:
        """Return a page of the films, sorted anew each time."""
        ids = list(self._ids(query.filter))
        placed = sorted(
            ((self._position(movie_id, query.sort), movie_id) for movie_id in ids),
            reverse=query.sort.is_descending,
        )
        if (after := query.after) is not None:
            placed = [
                (position, movie_id)
                for position, movie_id in placed
                if (position < after if query.sort.is_descending else position > after)
            ]
        rest = placed[query.skip :]
        page = rest[: query.limit]
        return MoviePage(
            movies=tuple(self.get(movie_id) for _position, movie_id in page),
            next_after=page[-1][0] if len(rest) > len(page) else None,
            total=len(ids) if query.counts_total else None,
        )

    def update(self, movie_id: int, facts: MovieFacts) -> StoredMovie:
        """Replace what is known of the film."""
        self.get(movie_id)
        namesake = self.find_by_imdb_id(facts.imdb_id) if facts.imdb_id else None
        if namesake is not None and namesake.id != movie_id:
            raise Conflict("A movie with this IMDb id is in the catalogue.")
        self.facts_by_id[movie_id] = facts
        self._revision += 1
        return self.get(movie_id)

    def update_many(self, changes: Mapping[int, Change]) -> None:
        """Replace what is known of the films, one by one."""
        for movie_id, (_before, after) in changes.items():
            self.update(movie_id, after)

    def remove_many(self, movie_ids: Collection[int]) -> None:
        """Forget the films, one by one."""
        for movie_id in movie_ids:
            self.remove(movie_id)

    def remove(self, movie_id: int) -> None:
        """Forget the film."""
        self.get(movie_id)
        del self.facts_by_id[movie_id]
        self._revision += 1

    def revision(self) -> int:
        """Return how often films have changed."""
        return self._revision

    def _ids(self, wanted: MovieFilter) -> Iterator[int]:
        for movie_id, facts in self.facts_by_id.items():
            if (
                _has(wanted.title, (facts.title,))
                and wanted.year in {None, facts.year}
                and _has(wanted.genre, facts.genres)
                and _has(wanted.cast, facts.cast)
            ):
                yield movie_id

    def _fame(self, movie_id: int) -> tuple[int, int, int]:
        facts = self.facts_by_id[movie_id]
        votes = -1 if facts.imdb_votes is None else facts.imdb_votes
        return -votes, -(facts.year or UNKNOWN_YEAR), movie_id

    def _position(self, movie_id: int, sort: MovieSort) -> Position:
        facts = self.facts_by_id[movie_id]
        title_key, year_key = match_key(facts.title), facts.year or UNKNOWN_YEAR
        positions: dict[SortField, Position] = {
            "title": (title_key, year_key, movie_id),
            "year": (year_key, title_key, movie_id),
            "id": (movie_id,),
        }
        return positions[sort.field]


def _has(wanted: str | None, values: tuple[str, ...]) -> bool:
    return wanted is None or match_key(wanted) in map(match_key, values)
