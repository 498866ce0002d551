"""Idempotency record: the stored response to a request with an Idempotency-Key."""

import datetime as dt
from dataclasses import dataclass

CALLER_BYTES = 16
"""Length of the part of an id that all records of one caller share."""

ROW_BYTES = 200
"""Size of a stored record without its response, indexes included."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IdempotencyRecord:
    """Lock and stored response of one Idempotency-Key of one caller. Times are in UTC."""

    id: bytes
    """32 bytes: `CALLER_BYTES` of the SHA-256 digest of the caller, then of the Idempotency-Key."""
    request_fingerprint: bytes
    """SHA-256 digest of the request, 32 bytes."""
    locked_until: dt.datetime
    """Expiry of the lock of the request in progress, for the case that its process dies."""
    expires_at: dt.datetime
    """Time after which the record is deleted."""
    response: bytes | None = None
    """Encrypted response; `None` while the request is in progress."""
