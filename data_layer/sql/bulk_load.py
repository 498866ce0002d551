"""Filling a catalogue: many films in one transaction, with the indexes made at its end."""

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from sqlalchemy import Connection, Engine, text

from data_layer.entities.movie import MovieFacts
from data_layer.entities.movie_document import movie_document
from data_layer.sql.engine import for_writing, set_for_filling
from data_layer.sql.models import Base, Movie
from data_layer.sql.movie_counts import Kind, change_counts
from data_layer.sql.movie_links import NewLinks
from data_layer.sql.movie_rows import movie_row
from data_layer.sql.row_inserts import RowInsert
from data_layer.sql.translation import translated_errors

CACHE_KIB = 32_768
"""How much of the database is kept in memory while it is filled; else SQLite keeps 2 MB."""


class SqlAlchemyBulkLoad:
    """See `data_layer.ports.bulk_load.BulkLoad`."""

    def __init__(self, connection: Connection) -> None:
        self._movies = RowInsert(connection, Movie)
        self._links = NewLinks(connection)
        self.counts: Counter[Kind] = Counter()
        last_id = connection.scalar(
            text("SELECT seq FROM sqlite_sequence WHERE name = :table"),
            {"table": Movie.__tablename__},
        )
        self.next_id: int = (last_id or 0) + 1

    def add_many(self, films: Sequence[MovieFacts]) -> None:
        """Insert whole rows, under ids that are counted here."""
        facts_by_id = dict(enumerate(films, self.next_id))
        self.next_id += len(films)
        self._movies.run(
            movie_row(movie_id, facts, movie_document(movie_id, facts))
            for movie_id, facts in facts_by_id.items()
        )
        self.counts += self._links.add(facts_by_id)


@contextmanager
def bulk_load(engine: Engine) -> Iterator[SqlAlchemyBulkLoad]:
    """Give a load; see `data_layer.database.Database.bulk_load`."""
    with translated_errors(), set_for_filling(engine), for_writing(engine).begin() as connection:
        connection.exec_driver_sql(f"PRAGMA cache_size = -{CACHE_KIB}")
        with _indexes_made_anew(connection):
            load = SqlAlchemyBulkLoad(connection)
            yield load
        change_counts(connection, load.counts)


@contextmanager
def _indexes_made_anew(connection: Connection) -> Iterator[None]:
    """Leave the indexes out: to sort all rows once costs less than to find the place of each."""
    indexes = [index for table in Base.metadata.sorted_tables for index in table.indexes]
    for index in indexes:
        index.drop(connection)
    yield
    for index in indexes:
        index.create(connection)
