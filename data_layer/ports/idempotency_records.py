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

    def delete_beyond(self, max_bytes: int, id_prefix: bytes = b"") -> None:
        """Delete the oldest responses, until the others fit into `max_bytes`.

        The records of requests in progress stay. Reads the sizes of all records.

        Args:
            max_bytes: limit of the sum over the records, each its response and `ROW_BYTES`.
            id_prefix: considers only the records whose ids start with it.
        """
        ...
