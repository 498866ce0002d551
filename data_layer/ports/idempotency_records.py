"""Repository of idempotency records."""

import datetime as dt
from typing import Protocol

from data_layer.entities.idempotency_record import IdempotencyRecord


class IdempotencyRecordRepository(Protocol):
    """Idempotency records, one for each id."""

    def find(self, record_id: bytes) -> IdempotencyRecord | None:
        """Return the record with this id, or `None`."""
        ...

    def put(self, record: IdempotencyRecord) -> None:
        """Store a record, replacing the one with its id."""
        ...

    def remove(self, record_id: bytes) -> None:
        """Delete the record with this id, if it exists."""
        ...

    def delete_before(self, before: dt.datetime) -> None:
        """Delete the records that expired before this time, in UTC."""
        ...
