"""Idempotency records in a dictionary by id."""

import datetime as dt

from data_layer.entities.idempotency_record import ROW_BYTES, IdempotencyRecord
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

    def delete_beyond(self, max_bytes: int, id_prefix: bytes = b"") -> None:
        """Delete the oldest responses beyond a total size."""
        stored = [each for each in self.rows.values() if each.id.startswith(id_prefix)]
        total = 0
        for record in sorted(stored, key=lambda each: (-each.expires_at.timestamp(), each.id)):
            if record.response is not None:
                total += len(record.response) + ROW_BYTES
                if total > max_bytes:
                    del self.rows[record.id]
