"""The answers that are given again, in a table."""

import datetime as dt

from sqlalchemy.orm import Session

from data_layer.entities.idempotency_record import KeptAnswer
from data_layer.sql import models
from data_layer.sql.entity_mapper import EntityRows


class SqlAlchemyKeptAnswerRepository:
    """See `data_layer.ports.idempotency_records.KeptAnswerRepository`."""

    def __init__(self, session: Session) -> None:
        self._rows = EntityRows(session, KeptAnswer, models.KeptAnswer)

    def find(self, answer_id: bytes) -> KeptAnswer | None:
        """Look the id up."""
        return self._rows.find(models.KeptAnswer.id == answer_id)

    def put(self, answer: KeptAnswer) -> None:
        """Delete what is there, and insert the answer."""
        self.remove(answer.id)
        self._rows.add(answer)

    def remove(self, answer_id: bytes) -> None:
        """Delete the answer."""
        self._rows.remove(models.KeptAnswer.id == answer_id)

    def forget(self, before: dt.datetime) -> None:
        """Delete what has expired."""
        self._rows.remove(models.KeptAnswer.expires_at < before)
