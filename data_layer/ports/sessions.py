"""Repository of sessions."""

import datetime as dt
from typing import Protocol

from data_layer.entities.session import Session


class SessionRepository(Protocol):
    """Sessions of users."""

    def add(self, session: Session) -> None:
        """Store a new session."""
        ...

    def find(self, session_id: str) -> Session | None:
        """Return the session with this id, or `None`."""
        ...

    def list_by_user(self, username: str) -> tuple[Session, ...]:
        """Return all sessions of a user in no particular order, including ended ones."""
        ...

    def update(self, session: Session) -> None:
        """Store the hash of the refresh token and the end of the session with this id."""
        ...

    def end_all(self, username: str, now: dt.datetime) -> None:
        """End all sessions of a user that have not ended, at `now`, in UTC."""
        ...

    def delete_before(self, before: dt.datetime) -> None:
        """Delete the sessions that expired before this time, in UTC."""
        ...
