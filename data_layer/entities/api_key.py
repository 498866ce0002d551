"""API key as stored, without the key itself."""

import datetime as dt
from dataclasses import dataclass

from data_layer.entities.scope import Scope

NAME_MAX_CHARACTERS = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKey:
    """API key without its secret. Times are in UTC."""

    name: str
    """Unique display name; names of revoked keys are never reused."""
    prefix: str
    """First characters of the key, its unique lookup value."""
    secret_hash: bytes
    """SHA-256 digest of the whole key, 32 bytes."""
    scopes: frozenset[Scope]
    created_at: dt.datetime
    expires_at: dt.datetime | None = None
    revoked_at: dt.datetime | None = None
    previous_hash: bytes | None = None
    """SHA-256 digest of the key before its rotation; valid until `previous_until`."""
    previous_until: dt.datetime | None = None
    last_used_at: dt.datetime | None = None
    """Time of the last use, accurate to about an hour."""

    @property
    def id(self) -> str:
        """The random part of the prefix."""
        return self.prefix.rpartition("_")[2]

    def is_valid_at(self, now: dt.datetime) -> bool:
        """Return whether the key is neither revoked nor expired at `now`, in UTC."""
        is_expired = self.expires_at is not None and self.expires_at <= now
        return self.revoked_at is None and not is_expired

    def hashes_at(self, now: dt.datetime) -> tuple[bytes, ...]:
        """Return the digests accepted at `now`, in UTC.

        These are the digest of the key and, in its grace period, that of the previous key.
        """
        if self.previous_hash is None or self.previous_until is None or self.previous_until <= now:
            return (self.secret_hash,)
        return self.secret_hash, self.previous_hash
