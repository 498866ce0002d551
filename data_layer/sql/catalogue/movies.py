"""Movies in tables: rows for search, JSON documents to serve."""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, bindparam, delete, func, select, update

from common.batches import batched
from common.errors import Conflict
from common.text import match_key
from data_layer.entities.movie import MovieFacts, StoredMovie
from data_layer.entities.movie_serialization import parse_facts, render_movie
from data_layer.ports.movies import Change, MovieRepository, Title
from data_layer.sql.backends.registry import allocate_ids
from data_layer.sql.catalogue.movie_counts import change_counts
from data_layer.sql.catalogue.movie_inserts import MovieInserter
from data_layer.sql.catalogue.movie_queries import UNKNOWN_VOTES, MovieQueries
from data_layer.sql.catalogue.movie_relations import RelationInserter, remove_links
from data_layer.sql.catalogue.movie_rows import movie_row, roles, year_key
from data_layer.sql.models import MOVIES
from data_layer.sql.transaction import Transaction

_KEYS_AT_ONCE = 1_000
_KEY = "id_of_row"
_DOCUMENTS = (MOVIES.c.imdb_id, MOVIES.c.id, MOVIES.c.document)
_NAMES = (MOVIES.c.title_key, MOVIES.c.year_key, MOVIES.c.id)
_IDS = select(MOVIES.c.imdb_id, MOVIES.c.id)
_BY_POPULARITY = (
    func.coalesce(MOVIES.c.imdb_votes, UNKNOWN_VOTES).desc(),
    MOVIES.c.year_key.desc(),
    MOVIES.c.id,
)
"""Order of movies with one title, as in `find_by_title`."""
_SET_ROW = (
    update(MOVIES)
    .where(MOVIES.c.id == bindparam(_KEY))
    .values({name: bindparam(name) for name in MOVIES.columns.keys()[1:]})
)


class SqlAlchemyMovieRepository(MovieQueries, MovieRepository):
    """SQL implementation of `data_layer.ports.movies.MovieRepository`."""

    def __init__(self, transaction: Transaction) -> None:
        super().__init__(transaction)
        self._inserter: MovieInserter | None = None
        """Caches ids of people and genres; discarded when one of them may have been deleted."""

    def add(self, facts: MovieFacts) -> StoredMovie:
        """Insert the movie with its relations and document."""
        return self.add_many([facts])[0]

    def add_many(self, movies: Sequence[MovieFacts]) -> tuple[StoredMovie, ...]:
        """Insert the movies with their relations and documents, under new ids."""
        connection = self._connection()
        if self.find_many_by_imdb_id([each.imdb_id for each in movies if each.imdb_id is not None]):
            raise Conflict("A movie with this IMDb id is in the catalogue.")
        if self._inserter is None:
            self._inserter = MovieInserter(connection)
        ids = allocate_ids(connection, MOVIES, len(movies))
        stored = self._inserter.add(dict(zip(ids, movies, strict=True)))
        change_counts(connection, self._inserter.take_counts())
        return stored

    def find_many_by_imdb_id(self, imdb_ids: Collection[str]) -> dict[str, StoredMovie]:
        """Return the movies with these IMDb ids by IMDb id; omit unknown ones."""
        return {
            str(row.imdb_id): StoredMovie(row.id, row.document)
            for row in self._rows_of(MOVIES.c.imdb_id, imdb_ids)
        }

    def find_ids_by_imdb_id(self, imdb_ids: Collection[str]) -> dict[str, int]:
        """Return the ids of the movies with these IMDb ids, without reading documents."""
        found: dict[str, int] = {}
        for batch in batched(list(imdb_ids), _KEYS_AT_ONCE):
            rows = self._connection().execute(_IDS.where(MOVIES.c.imdb_id.in_(batch)))
            found.update((str(row.imdb_id), row.id) for row in rows)
        return found

    def find_first_ids_by_title(self, titles: Collection[Title]) -> dict[Title, int]:
        """Return the id of the most popular movie with each title: one row for each."""
        found: dict[Title, int] = {}
        for has_year, batch in _batches_of(titles):
            names, row_number = _NAMES[: 1 + has_year], func.row_number()
            rank = row_number.over(partition_by=names, order_by=_BY_POPULARITY).label("rank")
            ranked = select(*_NAMES, rank).where(_has_title(has_year, batch)).subquery()
            for row in self._connection().execute(select(ranked).where(ranked.c.rank == 1)):
                found[row.title_key, row.year_key if has_year else None] = row.id
        return {title: found[title] for title in titles if title in found}

    def get_many(self, movie_ids: Collection[int]) -> dict[int, StoredMovie]:
        """Return the movies with these ids by id; omit unknown ones."""
        rows = self._rows_of(MOVIES.c.id, movie_ids)
        return {row.id: StoredMovie(row.id, row.document) for row in rows}

    def find_many_by_title(self, titles: Collection[Title]) -> dict[Title, tuple[int, ...]]:
        """Return ascending ids by title; query titles with and without a year separately."""
        found: defaultdict[Title, list[int]] = defaultdict(list)
        for has_year, batch in _batches_of(titles):
            statement = select(*_NAMES).where(_has_title(has_year, batch)).order_by(MOVIES.c.id)
            for row in self._connection().execute(statement):
                found[row.title_key, row.year_key if has_year else None].append(row.id)
        return {title: tuple(found[title]) for title in titles if title in found}

    def update(self, movie_id: int, facts: MovieFacts) -> StoredMovie:
        """Update the movie's row and document, and its relations if they differ."""
        before = parse_facts(self.get(movie_id).document)
        self.update_many({movie_id: (before, facts)})
        return StoredMovie(movie_id, render_movie(movie_id, facts))

    def update_many(self, changes: Mapping[int, Change]) -> None:
        """Update all rows with one statement, and replace the relations that differ.

        Most changes, such as ratings and votes, do not affect relations.
        """
        connection = self._connection()
        changed_relations = {
            movie_id: change
            for movie_id, change in changes.items()
            if _relations_of(change[0]) != _relations_of(change[1])
        }
        self._inserter = None
        facts_before = {each: change[0] for each, change in changed_relations.items()}
        facts_after = {each: change[1] for each, change in changed_relations.items()}
        counts = remove_links(connection, _years(facts_before))
        connection.execute(
            _SET_ROW,
            [
                _columns_of(movie_id, after) | {_KEY: movie_id}
                for movie_id, (_before, after) in changes.items()
            ],
        )
        counts.update(RelationInserter(connection).add(facts_after))
        change_counts(connection, counts)

    def remove(self, movie_id: int) -> None:
        """Delete the movie with its relations."""
        self.get(movie_id)
        self.remove_many([movie_id])

    def remove_many(self, movie_ids: Collection[int]) -> None:
        """Delete the movies with their relations; ignore unknown ids."""
        connection = self._connection()
        self._inserter = None
        for ids in batched(list(movie_ids), _KEYS_AT_ONCE):
            years = select(MOVIES.c.id, MOVIES.c.year_key).where(MOVIES.c.id.in_(ids))
            years_by_id = {row.id: row.year_key for row in connection.execute(years)}
            change_counts(connection, remove_links(connection, years_by_id))
            connection.execute(delete(MOVIES).where(MOVIES.c.id.in_(ids)))

    def _connection(self) -> Connection:
        return self._transaction.session.connection()

    def _rows_of(
        self, column: ColumnElement[Any], values: Collection[Any]
    ) -> Iterator[Row[*tuple[Any, ...]]]:
        """Yield the movies with one of these values in a unique column."""
        for batch in batched(list(values), _KEYS_AT_ONCE):
            yield from self._connection().execute(select(*_DOCUMENTS).where(column.in_(batch)))


def _batches_of(titles: Collection[Title]) -> Iterator[tuple[bool, Sequence[Title]]]:
    """Yield batches of titles that all have a year, or all none, and which it is."""
    for has_year in (True, False):
        selected = [title for title in titles if (title[1] is not None) is has_year]
        for batch in batched(selected, _KEYS_AT_ONCE):
            yield has_year, batch


def _has_title(has_year: bool, titles: Collection[Title]) -> ColumnElement[bool]:  # noqa: FBT001 - It belongs to the titles.
    """Return the condition that a movie has one of the titles and one of the years."""
    condition: ColumnElement[bool] = MOVIES.c.title_key.in_({key for key, _ in titles})
    if has_year:
        condition &= MOVIES.c.year_key.in_({year for _, year in titles})
    return condition


def _columns_of(movie_id: int, facts: MovieFacts) -> dict[str, Any]:
    """Return the column values of a movie without its id, which never changes."""
    row = movie_row(movie_id, facts, render_movie(movie_id, facts))
    return dict(zip(MOVIES.columns.keys()[1:], row[1:], strict=True))


def _relations_of(facts: MovieFacts) -> tuple[Any, ...]:
    """Return the facts of a movie that other tables store."""
    named = [match_key(facts.title), year_key(facts), facts.genres, facts.ratings]
    return (*named, *roles(facts))


def _years(movies: Mapping[int, MovieFacts]) -> dict[int, int]:
    return {movie_id: year_key(facts) for movie_id, facts in movies.items()}
