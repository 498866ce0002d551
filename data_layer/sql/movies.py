"""The films, in tables: relations to find them by, documents to serve."""

from collections import Counter
from collections.abc import Callable, Collection, Sequence

from sqlalchemy import Dialect, delete, select, update
from sqlalchemy.orm import Session

from common.errors import Conflict, NotFound
from data_layer.entities.movie import MovieFacts, StoredMovie
from data_layer.entities.movie_document import movie_document
from data_layer.sql.backends.known import take_ids
from data_layer.sql.models import MOVIES, Movie
from data_layer.sql.movie_counts import Kind, change_counts
from data_layer.sql.movie_links import NewLinks, remove_links
from data_layer.sql.movie_reads import MovieReads, RunSql
from data_layer.sql.movie_rows import movie_row
from data_layer.sql.new_movies import NewMovies


class SqlAlchemyMovieRepository(MovieReads):
    """See `data_layer.ports.movies.MovieRepository`."""

    def __init__(self, session: Callable[[], Session], run: RunSql, dialect: Dialect) -> None:
        super().__init__(run, dialect)
        self._open_session = session

    def add(self, facts: MovieFacts) -> StoredMovie:
        """Insert one film."""
        return self.add_many([facts])[0]

    def add_many(self, films: Sequence[MovieFacts]) -> tuple[StoredMovie, ...]:
        """Insert the films with their links and documents, which hold their ids."""
        imdb_ids = [facts.imdb_id for facts in films if facts.imdb_id is not None]
        known = select(Movie.id).where(Movie.imdb_id.in_(imdb_ids)).limit(1)
        connection = self._open_session().connection()
        if connection.scalar(known) is not None:
            raise Conflict("A movie with this IMDb id is in the catalogue.")
        new = NewMovies(connection)
        ids = take_ids(connection, MOVIES, len(films))
        stored = new.add(dict(zip(ids, films, strict=True)))
        change_counts(connection, new.counts)
        return stored

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
        values = dict(zip(MOVIES.columns, movie_row(movie_id, facts, stored.document), strict=True))
        connection.execute(update(MOVIES).where(MOVIES.c.id == movie_id).values(values))
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
