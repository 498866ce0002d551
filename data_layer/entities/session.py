"""What lasts from signing in to signing out."""

import datetime as dt
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """A user's session: a family of refresh tokens, of which one is good. Times are in UTC."""

    id: str
    """32 hexadecimal digits, random."""
    username: str
    refresh_hash: bytes
    """SHA-256 of the refresh token that is good, 32 bytes."""
    address: str
    """From where the user signed in."""
    created_at: dt.datetime
    expires_at: dt.datetime
    """When the user has to sign in again at the latest."""
    ended_at: dt.datetime | None = None

    def is_valid_at(self, now: dt.datetime) -> bool:
        """Tell whether the session goes on at `now`, in UTC."""
        return self.ended_at is None and now < self.expires_at
