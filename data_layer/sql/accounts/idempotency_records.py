"""Idempotency records in a table."""

import datetime as dt

from sqlalchemy import func, select

from common.batches import batched
from data_layer.entities.idempotency_record import ROW_BYTES, IdempotencyRecord
from data_layer.ports.idempotency_records import IdempotencyRecordRepository
from data_layer.sql import models
from data_layer.sql.entity_mapper import EntityMapper
from data_layer.sql.transaction import Transaction

_ROW = models.table_of(models.IdempotencyRecord).c
_ID_BYTES = 32
_IDS_AT_ONCE = 1_000


class SqlAlchemyIdempotencyRecordRepository(IdempotencyRecordRepository):
    """SQL implementation of `data_layer.ports.idempotency_records.IdempotencyRecordRepository`."""

    def __init__(self, transaction: Transaction) -> None:
        self._session = transaction.session
        self._rows = EntityMapper(transaction.session, IdempotencyRecord, models.IdempotencyRecord)

    def find(self, record_id: bytes) -> IdempotencyRecord | None:
        """Return the record with this id, or None."""
        return self._rows.find(models.IdempotencyRecord.id == record_id)

    def put(self, record: IdempotencyRecord) -> None:
        """Insert the record, or replace the one with the same id."""
        self.remove(record.id)
        self._rows.add(record)

    def remove(self, record_id: bytes) -> None:
        """Delete the record, if it exists."""
        self._rows.remove(models.IdempotencyRecord.id == record_id)

    def delete_before(self, before: dt.datetime) -> None:
        """Delete records that expired before this time."""
        self._rows.remove(models.IdempotencyRecord.expires_at < before)

    def delete_beyond(self, max_bytes: int, id_prefix: bytes = b"") -> None:
        """Delete the oldest responses beyond a total size; the prefix is a range of the key."""
        newest_first = _ROW.expires_at.desc(), _ROW.id
        total = func.sum(func.length(_ROW.response) + ROW_BYTES).over(order_by=newest_first)
        first, last = (id_prefix.ljust(_ID_BYTES, fill) for fill in (b"\x00", b"\xff"))
        sizes = (
            select(_ROW.id, total.label("total"))
            .where(_ROW.id.between(first, last), _ROW.response.is_not(None))
            .subquery()
        )
        old = select(sizes.c.id).where(sizes.c.total > max_bytes)
        for ids in batched(list(self._session.scalars(old)), _IDS_AT_ONCE):
            self._rows.remove(_ROW.id.in_(ids))
