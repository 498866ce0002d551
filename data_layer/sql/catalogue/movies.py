"""The films, in tables: relations to find them by, documents to serve."""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Dialect, Row, bindparam, delete, select, update
from sqlalchemy.orm import Session

from common.batches import chunks
from common.errors import Conflict
from common.text import match_key
from data_layer.entities.movie import MovieFacts, StoredMovie
from data_layer.entities.movie_document import movie_document, movie_facts
from data_layer.ports.movies import Change, Title
from data_layer.sql.backends.registry import take_ids
from data_layer.sql.catalogue.movie_counts import change_counts
from data_layer.sql.catalogue.movie_inserts import NewMovies
from data_layer.sql.catalogue.movie_queries import MovieReads, RunSql
from data_layer.sql.catalogue.movie_relations import NewLinks, remove_links
from data_layer.sql.catalogue.movie_rows import movie_row, roles, year_key
from data_layer.sql.models import MOVIES

_KEYS_AT_ONCE = 1_000
_KEY = "id_of_row"
_DOCUMENTS = (MOVIES.c.imdb_id, MOVIES.c.id, MOVIES.c.document)
_NAMES = (MOVIES.c.title_key, MOVIES.c.year_key, MOVIES.c.id)
_SET_ROW = (
    update(MOVIES)
    .where(MOVIES.c.id == bindparam(_KEY))
    .values({name: bindparam(name) for name in MOVIES.columns.keys()[1:]})
)


class SqlAlchemyMovieRepository(MovieReads):
    """See `data_layer.ports.movies.MovieRepository`."""

    def __init__(self, session: Callable[[], Session], run: RunSql, dialect: Dialect) -> None:
        super().__init__(run, dialect)
        self._open_session = session
        self._new: NewMovies | None = None
        """Knows the people and genres of this transaction, until one of them may be gone."""

    def add(self, facts: MovieFacts) -> StoredMovie:
        """Insert one film."""
        return self.add_many([facts])[0]

    def add_many(self, films: Sequence[MovieFacts]) -> tuple[StoredMovie, ...]:
        """Insert the films with their links and documents, which hold their ids."""
        connection = self._connection()
        if self.find_many_by_imdb_id([each.imdb_id for each in films if each.imdb_id is not None]):
            raise Conflict("A movie with this IMDb id is in the catalogue.")
        if self._new is None:
            self._new = NewMovies(connection)
        ids = take_ids(connection, MOVIES, len(films))
        stored = self._new.add(dict(zip(ids, films, strict=True)))
        change_counts(connection, self._new.take_counts())
        return stored

    def find_many_by_imdb_id(self, imdb_ids: Collection[str]) -> dict[str, StoredMovie]:
        """Read the documents by their unique IMDb ids."""
        return {
            str(row.imdb_id): StoredMovie(row.id, row.document)
            for row in self._rows_of(MOVIES.c.imdb_id, imdb_ids)
        }

    def get_many(self, movie_ids: Collection[int]) -> dict[int, StoredMovie]:
        """Read the documents by primary key."""
        rows = self._rows_of(MOVIES.c.id, movie_ids)
        return {row.id: StoredMovie(row.id, row.document) for row in rows}

    def find_many_by_title(self, titles: Collection[Title]) -> dict[Title, tuple[int, ...]]:
        """Look the titles up by their index: those with a year, and those without one."""
        found: defaultdict[Title, list[int]] = defaultdict(list)
        for has_year in (True, False):
            wanted = [title for title in titles if (title[1] is not None) is has_year]
            for some in chunks(wanted, _KEYS_AT_ONCE):
                statement = select(*_NAMES).where(MOVIES.c.title_key.in_({key for key, _ in some}))
                if has_year:
                    statement = statement.where(MOVIES.c.year_key.in_({year for _, year in some}))
                for row in self._connection().execute(statement.order_by(MOVIES.c.id)):
                    found[row.title_key, row.year_key if has_year else None].append(row.id)
        return {title: tuple(found[title]) for title in titles if title in found}

    def update(self, movie_id: int, facts: MovieFacts) -> StoredMovie:
        """Write the film's row and document, and its links where they differ."""
        before = movie_facts(self.get(movie_id).document)
        self.update_many({movie_id: (before, facts)})
        return StoredMovie(movie_id, movie_document(movie_id, facts))

    def update_many(self, changes: Mapping[int, Change]) -> None:
        """Write the rows in one go, and links anew where they differ: most changes leave them."""
        connection = self._connection()
        relinked = {
            movie_id: change
            for movie_id, change in changes.items()
            if _links_of(change[0]) != _links_of(change[1])
        }
        self._new = None
        counts = remove_links(connection, _years({each: relinked[each][0] for each in relinked}))
        connection.execute(
            _SET_ROW,
            [
                _columns_of(movie_id, after) | {_KEY: movie_id}
                for movie_id, (_before, after) in changes.items()
            ],
        )
        counts.update(NewLinks(connection).add({each: relinked[each][1] for each in relinked}))
        change_counts(connection, counts)

    def remove(self, movie_id: int) -> None:
        """Delete the film with its links."""
        self.get(movie_id)
        self.remove_many([movie_id])

    def remove_many(self, movie_ids: Collection[int]) -> None:
        """Delete the films with their links."""
        connection = self._connection()
        self._new = None
        for ids in chunks(list(movie_ids), _KEYS_AT_ONCE):
            years = select(MOVIES.c.id, MOVIES.c.year_key).where(MOVIES.c.id.in_(ids))
            known = {row.id: row.year_key for row in connection.execute(years)}
            change_counts(connection, remove_links(connection, known))
            connection.execute(delete(MOVIES).where(MOVIES.c.id.in_(ids)))

    def _connection(self) -> Connection:
        return self._open_session().connection()

    def _rows_of(
        self, column: ColumnElement[Any], values: Collection[Any]
    ) -> Iterator[Row[*tuple[Any, ...]]]:
        """Yield the films where a unique column has one of these values."""
        for some in chunks(list(values), _KEYS_AT_ONCE):
            yield from self._connection().execute(select(*_DOCUMENTS).where(column.in_(some)))


def _columns_of(movie_id: int, facts: MovieFacts) -> dict[str, Any]:
    """Return the columns of a film but for its id, which stays."""
    row = movie_row(movie_id, facts, movie_document(movie_id, facts))
    return dict(zip(MOVIES.columns.keys()[1:], row[1:], strict=True))


def _links_of(facts: MovieFacts) -> tuple[Any, ...]:
    """Return what other tables have of a film."""
    named = [match_key(facts.title), year_key(facts), facts.genres, facts.ratings]
    return (*named, *roles(facts))


def _years(films: Mapping[int, MovieFacts]) -> dict[int, int]:
    return {movie_id: year_key(facts) for movie_id, facts in films.items()}
