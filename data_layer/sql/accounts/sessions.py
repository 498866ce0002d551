"""The sessions of users, in a table."""

import datetime as dt

from sqlalchemy import update
from sqlalchemy.orm import Session as SqlSession

from data_layer.entities.session import Session
from data_layer.sql import models
from data_layer.sql.entity_mapper import EntityRows


class SqlAlchemySessionRepository:
    """See `data_layer.ports.sessions.SessionRepository`."""

    def __init__(self, session: SqlSession) -> None:
        self._session = session
        self._rows = EntityRows(session, Session, models.Session)

    def add(self, session: Session) -> None:
        """Insert the session."""
        self._rows.add(session)

    def find(self, session_id: str) -> Session | None:
        """Look the id up."""
        return self._rows.find(models.Session.id == session_id)

    def of_user(self, username: str) -> tuple[Session, ...]:
        """Read the sessions of a user by an index."""
        return self._rows.list(models.Session.username == username, by=models.Session.id)

    def update(self, session: Session) -> None:
        """Write the session with this id."""
        self._rows.update(session, models.Session.id == session.id, "There is no such session.")

    def end_all(self, username: str, now: dt.datetime) -> None:
        """End every session of a user that has not ended."""
        self._session.execute(
            update(models.Session)
            .where(models.Session.username == username, models.Session.ended_at.is_(None))
            .values(ended_at=now)
        )

    def forget(self, before: dt.datetime) -> None:
        """Delete what has expired."""
        self._rows.remove(models.Session.expires_at < before)
