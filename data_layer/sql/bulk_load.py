"""Filling a catalogue: many films in one transaction, their rows straight to the driver."""

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from sqlalchemy import Connection

from data_layer.entities.movie import MovieFacts
from data_layer.entities.movie_document import movie_document
from data_layer.sql.backends.backend import Backend, Engines
from data_layer.sql.models import MOVIES
from data_layer.sql.movie_counts import Kind, change_counts
from data_layer.sql.movie_links import NewLinks
from data_layer.sql.movie_rows import movie_row
from data_layer.sql.row_inserts import RowInsert
from data_layer.sql.translation import translated_errors


class SqlAlchemyBulkLoad:
    """See `data_layer.ports.bulk_load.BulkLoad`."""

    def __init__(self, connection: Connection, next_id: int) -> None:
        self._movies = RowInsert(connection, MOVIES)
        self._links = NewLinks(connection)
        self.counts: Counter[Kind] = Counter()
        self.next_id = next_id

    def add_many(self, films: Sequence[MovieFacts], ids: Sequence[int] | None = None) -> None:
        """Insert whole rows, under ids that are counted here."""
        if not films:
            return
        next_ids = range(self.next_id, self.next_id + len(films))
        facts_by_id = dict(zip(next_ids if ids is None else ids, films, strict=True))
        self.next_id = max(facts_by_id) + 1
        self._movies.run(
            movie_row(movie_id, facts, movie_document(movie_id, facts))
            for movie_id, facts in facts_by_id.items()
        )
        self.counts += self._links.add(facts_by_id)


@contextmanager
def bulk_load(backend: Backend, engines: Engines) -> Iterator[SqlAlchemyBulkLoad]:
    """Give a load; see `data_layer.database.Database.bulk_load`."""
    with translated_errors(), backend.filling(engines) as (connection, next_id):
        load = SqlAlchemyBulkLoad(connection, next_id)
        yield load
        change_counts(connection, load.counts)
