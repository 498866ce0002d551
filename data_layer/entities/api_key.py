"""A credential of a program, as it is kept: never the key itself."""

import datetime as dt
from dataclasses import dataclass
from enum import StrEnum

NAME_MAX_CHARACTERS = 300


class Scope(StrEnum):
    """What a credential may do."""

    ADMIN = "admin"
    """Everything."""
    MOVIES_DELETE = "movies:delete"
    """Remove films."""


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

    def is_valid_at(self, now: dt.datetime) -> bool:
        """Tell whether the key opens anything at `now`, in UTC."""
        is_expired = self.expires_at is not None and self.expires_at <= now
        return self.revoked_at is None and not is_expired

    def covers(self, scope: Scope) -> bool:
        """Tell whether the key may do what `scope` stands for."""
        return Scope.ADMIN in self.scopes or scope in self.scopes
