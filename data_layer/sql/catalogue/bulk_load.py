"""Bulk load of movies: many movies in one transaction, inserted through the driver."""

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager

from sqlalchemy import Connection, select

from data_layer.entities.movie import MovieFacts
from data_layer.sql.backends.backend import Backend, Engines
from data_layer.sql.catalogue.movie_counts import change_counts
from data_layer.sql.catalogue.movie_inserts import MovieInserter
from data_layer.sql.error_translation import translated_errors
from data_layer.sql.models import MOVIES


class SqlAlchemyBulkLoad:
    """SQL implementation of `data_layer.ports.bulk_load.BulkLoad`."""

    def __init__(self, connection: Connection, next_id: int) -> None:
        self._connection = connection
        self.new = MovieInserter(connection)
        self.next_id = next_id

    def find_existing(self, imdb_ids: Collection[str]) -> Collection[str]:
        """Return the stored ones of these IMDb ids; the unique index exists during the load."""
        ids = select(MOVIES.c.imdb_id).where(MOVIES.c.imdb_id.in_(imdb_ids))
        return set(self._connection.scalars(ids))

    def add_many(self, movies: Sequence[MovieFacts], ids: Sequence[int] | None = None) -> None:
        """Insert the movies with the given ids, or with consecutive ones from `next_id`."""
        if not movies:
            return
        next_ids = range(self.next_id, self.next_id + len(movies))
        facts_by_id = dict(zip(next_ids if ids is None else ids, movies, strict=True))
        self.next_id = max(facts_by_id) + 1
        self.new.add(facts_by_id)


@contextmanager
def bulk_load(backend: Backend, engines: Engines) -> Iterator[SqlAlchemyBulkLoad]:
    """Yield a bulk load, and store its counts; see `data_layer.database.Database.bulk_load`."""
    with translated_errors(), backend.bulk_load_transaction(engines) as (connection, next_id):
        load = SqlAlchemyBulkLoad(connection, next_id)
        yield load
        change_counts(connection, load.new.take_counts())
