"""Sessions in a dictionary by id."""

import dataclasses
import datetime as dt

from common.errors import NotFound
from data_layer.entities.session import Session
from data_layer.ports.sessions import SessionRepository


class FakeSessionRepository(SessionRepository):
    """In-memory `data_layer.ports.sessions.SessionRepository`."""

    def __init__(self) -> None:
        self.rows: dict[str, Session] = {}

    def add(self, session: Session) -> None:
        """Store a new session."""
        self.rows[session.id] = session

    def find(self, session_id: str) -> Session | None:
        """Return the session with this id, or `None`."""
        return self.rows.get(session_id)

    def list_by_user(self, username: str) -> tuple[Session, ...]:
        """Return all sessions of a user."""
        return tuple(each for each in self.rows.values() if each.username == username)

    def update(self, session: Session) -> None:
        """Replace the session with this id."""
        if session.id not in self.rows:
            raise NotFound("No session has this id.")
        self.rows[session.id] = session

    def end_all(self, username: str, now: dt.datetime) -> None:
        """End all sessions of a user that have not ended."""
        for session in self.list_by_user(username):
            if session.ended_at is None:
                self.update(dataclasses.replace(session, ended_at=now))

    def delete_before(self, before: dt.datetime) -> None:
        """Delete the sessions that expired before this time."""
        for session in [each for each in self.rows.values() if each.expires_at < before]:
            del self.rows[session.id]
