"""Login sessions in a table."""

import datetime as dt

from sqlalchemy import update

from data_layer.entities.session import Session
from data_layer.ports.sessions import SessionRepository
from data_layer.sql import models
from data_layer.sql.entity_mapper import EntityMapper
from data_layer.sql.transaction import Transaction


class SqlAlchemySessionRepository(SessionRepository):
    """SQL implementation of `data_layer.ports.sessions.SessionRepository`."""

    def __init__(self, transaction: Transaction) -> None:
        self._session = transaction.session
        self._rows = EntityMapper(transaction.session, Session, models.Session)

    def add(self, session: Session) -> None:
        """Insert the session."""
        self._rows.add(session)

    def find(self, session_id: str) -> Session | None:
        """Return the session with this id, or None."""
        return self._rows.find(models.Session.id == session_id)

    def list_by_user(self, username: str) -> tuple[Session, ...]:
        """Return the sessions of a user by id; includes ended and expired ones."""
        return self._rows.list(models.Session.username == username, by=models.Session.id)

    def update(self, session: Session) -> None:
        """Overwrite the session with this id."""
        self._rows.update(session, models.Session.id == session.id, "No session has this id.")

    def end_all(self, username: str, now: dt.datetime) -> None:
        """Set the end time of every session of the user that has not ended."""
        self._session.execute(
            update(models.Session)
            .where(models.Session.username == username, models.Session.ended_at.is_(None))
            .values(ended_at=now)
        )

    def delete_before(self, before: dt.datetime) -> None:
        """Delete sessions that expired before this time."""
        self._rows.remove(models.Session.expires_at < before)
