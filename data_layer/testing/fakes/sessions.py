"""The sessions, in a dictionary by id."""

import dataclasses
import datetime as dt

from common.errors import NotFound
from data_layer.entities.session import Session


class FakeSessionRepository:
    """See `data_layer.ports.sessions.SessionRepository`."""

    def __init__(self, sessions: dict[str, Session]) -> None:
        self.sessions = sessions

    def add(self, session: Session) -> None:
        """Store a new session."""
        self.sessions[session.id] = session

    def find(self, session_id: str) -> Session | None:
        """Return the session with this id."""
        return self.sessions.get(session_id)

    def of_user(self, username: str) -> tuple[Session, ...]:
        """Return the sessions of a user."""
        return tuple(each for each in self.sessions.values() if each.username == username)

    def update(self, session: Session) -> None:
        """Replace the session with this id."""
        if session.id not in self.sessions:
            raise NotFound("There is no such session.")
        self.sessions[session.id] = session

    def end_all(self, username: str, now: dt.datetime) -> None:
        """End every session of a user."""
        for session in self.of_user(username):
            if session.ended_at is None:
                self.update(dataclasses.replace(session, ended_at=now))

    def forget(self, before: dt.datetime) -> None:
        """Remove the sessions that have expired."""
        for session in [each for each in self.sessions.values() if each.expires_at < before]:
            del self.sessions[session.id]
