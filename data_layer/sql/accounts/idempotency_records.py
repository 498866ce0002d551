"""Idempotency records in a table."""

import datetime as dt

from data_layer.entities.idempotency_record import IdempotencyRecord
from data_layer.ports.idempotency_records import IdempotencyRecordRepository
from data_layer.sql import models
from data_layer.sql.entity_mapper import EntityMapper
from data_layer.sql.transaction import Transaction


class SqlAlchemyIdempotencyRecordRepository(IdempotencyRecordRepository):
    """SQL implementation of `data_layer.ports.idempotency_records.IdempotencyRecordRepository`."""

    def __init__(self, transaction: Transaction) -> None:
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
