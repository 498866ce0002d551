"""Idempotency records in a dictionary by id."""

import datetime as dt

from data_layer.entities.idempotency_record import IdempotencyRecord
from data_layer.ports.idempotency_records import IdempotencyRecordRepository


class FakeIdempotencyRecordRepository(IdempotencyRecordRepository):
    """In-memory `data_layer.ports.idempotency_records.IdempotencyRecordRepository`."""

    def __init__(self) -> None:
        self.rows: dict[bytes, IdempotencyRecord] = {}

    def find(self, record_id: bytes) -> IdempotencyRecord | None:
        """Return the record with this id, or `None`."""
        return self.rows.get(record_id)

    def put(self, record: IdempotencyRecord) -> None:
        """Store the record, replacing the one with its id."""
        self.rows[record.id] = record

    def remove(self, record_id: bytes) -> None:
        """Delete the record with this id, if it exists."""
        self.rows.pop(record_id, None)

    def delete_before(self, before: dt.datetime) -> None:
        """Delete the records that expired before this time."""
        for record in [each for each in self.rows.values() if each.expires_at < before]:
            del self.rows[record.id]
