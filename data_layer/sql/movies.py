"""The films, in tables: relations to find them by, documents to serve."""

from collections import Counter
from collections.abc import Callable, Collection, Sequence
from typing import Any

from sqlalchemy import Dialect, bindparam, delete, insert, select, update
from sqlalchemy.orm import Session

from common.errors import Conflict, NotFound
from data_layer.entities.movie import MovieFacts, StoredMovie
from data_layer.entities.movie_document import movie_document
from data_layer.sql.models import MOVIES, Movie
from data_layer.sql.movie_counts import Kind, change_counts
from data_layer.sql.movie_links import NewLinks, remove_links
from data_layer.sql.movie_reads import MovieReads, RunSql
from data_layer.sql.movie_rows import movie_row

_SET_DOCUMENT = (
    update(MOVIES)
    .where(MOVIES.c.id == bindparam("movie_id"))
    .values(document=bindparam("new_document"))
)


class SqlAlchemyMovieRepository(MovieReads):
    """See `data_layer.ports.movies.MovieRepository`."""

    def __init__(self, session: Callable[[], Session], run: RunSql, dialect: Dialect) -> None:
        super().__init__(run, dialect)
        self._open_session = session

    def add(self, facts: MovieFacts) -> StoredMovie:
        """Insert one film."""
        return self.add_many([facts])[0]

    def add_many(self, films: Sequence[MovieFacts]) -> tuple[StoredMovie, ...]:
        """Insert the films with their links, then write the documents, which hold their ids."""
        imdb_ids = [facts.imdb_id for facts in films if facts.imdb_id is not None]
        known = select(Movie.id).where(Movie.imdb_id.in_(imdb_ids)).limit(1)
        session = self._open_session()
        if session.scalar(known) is not None:
            raise Conflict("A movie with this IMDb id is in the catalogue.")
        connection = session.connection()
        # Into the table: the model would send films one by one that know different things.
        ids = connection.scalars(
            insert(MOVIES).returning(MOVIES.c.id, sort_by_parameter_order=True),
            [_columns_without_id(facts) for facts in films],
        ).all()
        facts_by_id = dict(zip(ids, films, strict=True))
        change_counts(connection, NewLinks(connection).add(facts_by_id))
        stored = [
            StoredMovie(movie_id, movie_document(movie_id, facts))
            for movie_id, facts in facts_by_id.items()
        ]
        # In one go: an UPDATE of the ORM would send them one by one.
        connection.execute(
            _SET_DOCUMENT,
            [{"movie_id": movie.id, "new_document": movie.document} for movie in stored],
        )
        return tuple(stored)

    def find_many_by_imdb_id(self, imdb_ids: Collection[str]) -> dict[str, StoredMovie]:
        """Read the documents by their unique IMDb ids, in one statement."""
        statement = select(Movie.imdb_id, Movie.id, Movie.document).where(
            Movie.imdb_id.in_(imdb_ids)
        )
        rows = self._open_session().execute(statement)
        return {str(imdb_id): StoredMovie(number, document) for imdb_id, number, document in rows}

    def update(self, movie_id: int, facts: MovieFacts) -> StoredMovie:
        """Write the film's row and document, and all its links anew."""
        session = self._open_session()
        connection = session.connection()
        changes = self._remove_links(session, movie_id)
        stored = StoredMovie(movie_id, movie_document(movie_id, facts))
        session.execute(
            update(Movie)
            .where(Movie.id == movie_id)
            .values(_columns_without_id(facts) | {"document": stored.document})
        )
        changes.update(NewLinks(connection).add({movie_id: facts}))
        change_counts(connection, changes)
        return stored

    def remove(self, movie_id: int) -> None:
        """Delete the film with its links."""
        session = self._open_session()
        change_counts(session.connection(), self._remove_links(session, movie_id))
        session.execute(delete(Movie).where(Movie.id == movie_id))

    def _remove_links(self, session: Session, movie_id: int) -> Counter[Kind]:
        """Delete what belongs to the film, and return the changes of what it counts as."""
        year_key = session.scalar(select(Movie.year_key).where(Movie.id == movie_id))
        if year_key is None:
            raise NotFound("No movie has this id.")
        return remove_links(session.connection(), movie_id, year_key)


def _columns_without_id(facts: MovieFacts) -> dict[str, Any]:
    """Return a new film's columns; the id is the database's to give, the document needs it."""
    row = movie_row(None, facts, b"")
    return dict(zip(Movie.__table__.columns.keys()[1:], row[1:], strict=True))
