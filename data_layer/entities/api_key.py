"""A credential of a program, as it is kept: never the key itself."""

import datetime as dt
from dataclasses import dataclass

from data_layer.entities.scope import Scope

NAME_MAX_CHARACTERS = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKey:
    """An API key without its secret. Times are in UTC."""

    name: str
    """What people call it; unique for ever, also when it is revoked."""
    prefix: str
    """The first characters of the key, by which it is found; unique."""
    secret_hash: bytes
    """SHA-256 of the whole key, 32 bytes."""
    scopes: frozenset[Scope]
    created_at: dt.datetime
    expires_at: dt.datetime | None = None
    revoked_at: dt.datetime | None = None
    previous_hash: bytes | None = None
    """SHA-256 of the key before it was rotated; it opens until `previous_until`."""
    previous_until: dt.datetime | None = None
    last_used_at: dt.datetime | None = None
    """When it last opened something, give or take an hour."""

    @property
    def id(self) -> str:
        """The part of the prefix that is not the same for all."""
        return self.prefix.rpartition("_")[2]

    def is_valid_at(self, now: dt.datetime) -> bool:
        """Tell whether the key opens anything at `now`, in UTC."""
        is_expired = self.expires_at is not None and self.expires_at <= now
        return self.revoked_at is None and not is_expired

    def hashes_at(self, now: dt.datetime) -> tuple[bytes, ...]:
        """Return the SHA-256 of what opens at `now`: the key, and the one before it for a while."""
        if self.previous_hash is None or self.previous_until is None or self.previous_until <= now:
            return (self.secret_hash,)
        return self.secret_hash, self.previous_hash
