"""An answer that is given again to the same request."""

import datetime as dt
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptAnswer:
    """The answer to a request that has an Idempotency-Key. Times are in UTC."""

    id: bytes
    """SHA-256 of who has asked and of the Idempotency-Key, 32 bytes."""
    request_hash: bytes
    """SHA-256 of the request, 32 bytes."""
    held_until: dt.datetime
    """Until when somebody is at work at it, unless they die."""
    expires_at: dt.datetime
    """When the answer is forgotten."""
    content: bytes | None = None
    """The answer, encrypted; `None` while somebody is at work at it."""
