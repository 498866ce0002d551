"""Update watermarks of movies in a table."""

import datetime as dt
from collections.abc import Collection, Mapping, Sequence

from sqlalchemy import delete, select

from common.batches import batched
from data_layer.entities.update_watermark import UpdateWatermark
from data_layer.ports.update_watermarks import UpdateWatermarkRepository
from data_layer.sql import models
from data_layer.sql.bulk_insert import BulkInsert
from data_layer.sql.transaction import Transaction

_TABLE = models.table_of(models.UpdateWatermark)
_KEYS_AT_ONCE = 1_000


class SqlAlchemyUpdateWatermarkRepository(UpdateWatermarkRepository):
    """SQL implementation of `data_layer.ports.update_watermarks.UpdateWatermarkRepository`."""

    def __init__(self, transaction: Transaction) -> None:
        self._session = transaction.session

    def find_many(self, movie_keys: Collection[bytes]) -> Mapping[bytes, dt.datetime]:
        """Return the watermarks of these movies by key; omit movies without one."""
        connection = self._session.connection()
        return {
            row.movie_key: row.updated_at
            for keys in batched(list(movie_keys), _KEYS_AT_ONCE)
            for row in connection.execute(select(_TABLE).where(_TABLE.c.movie_key.in_(keys)))
        }

    def add_many(self, watermarks: Sequence[UpdateWatermark]) -> None:
        """Insert the watermarks; the primary key rejects a second one of a movie."""
        rows = BulkInsert(self._session.connection(), _TABLE)
        rows.run((watermark.movie_key, watermark.updated_at) for watermark in watermarks)

    def remove_many(self, movie_keys: Collection[bytes]) -> None:
        """Delete the watermarks of these movies."""
        for keys in batched(list(movie_keys), _KEYS_AT_ONCE):
            self._session.connection().execute(delete(_TABLE).where(_TABLE.c.movie_key.in_(keys)))
