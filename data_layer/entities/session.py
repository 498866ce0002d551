"""Session of a user, from login to logout."""

import datetime as dt
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """Family of refresh tokens, of which only the latest is valid. Times are in UTC."""

    id: str
    """Random id, 32 hexadecimal digits."""
    username: str
    refresh_hash: bytes
    """SHA-256 digest of the valid refresh token, 32 bytes."""
    address: str
    """IP address of the login."""
    created_at: dt.datetime
    expires_at: dt.datetime
    """Time after which the user has to log in again."""
    ended_at: dt.datetime | None = None
    refreshed_at: dt.datetime | None = None
    """Time of the last refresh; None before the first one."""
    refreshed_from: str | None = None
    """IP address of the last refresh."""
    refresh_salt: bytes | None = None
    """Random 32 bytes from which, with the token of the last refresh, its successor follows."""

    def is_valid_at(self, now: dt.datetime) -> bool:
        """Return whether the session is neither ended nor expired at `now`, in UTC."""
        return self.ended_at is None and now < self.expires_at
