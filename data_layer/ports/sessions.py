"""The sessions of users."""

import datetime as dt
from typing import Protocol

from data_layer.entities.session import Session


class SessionRepository(Protocol):
    """Keeps sessions until they are forgotten."""

    def add(self, session: Session) -> None:
        """Store a new session."""
        ...

    def find(self, session_id: str) -> Session | None:
        """Return the session with this id, if there is one."""
        ...

    def of_user(self, username: str) -> tuple[Session, ...]:
        """Return the sessions of a user, in no order, ended ones included."""
        ...

    def update(self, session: Session) -> None:
        """Store which refresh token is good, and whether the session has ended.

        Raises:
            NotFound: there is none.
        """
        ...

    def end_all(self, username: str, now: dt.datetime) -> None:
        """End every session of a user that has not ended."""
        ...

    def forget(self, before: dt.datetime) -> None:
        """Remove the sessions that have expired before."""
        ...
