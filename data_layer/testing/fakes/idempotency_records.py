"""The answers that are given again, in a dictionary by id."""

import datetime as dt

from data_layer.entities.idempotency_record import KeptAnswer


class FakeKeptAnswerRepository:
    """See `data_layer.ports.idempotency_records.KeptAnswerRepository`."""

    def __init__(self, answers: dict[bytes, KeptAnswer]) -> None:
        self.answers = answers

    def find(self, answer_id: bytes) -> KeptAnswer | None:
        """Return the answer with this id."""
        return self.answers.get(answer_id)

    def put(self, answer: KeptAnswer) -> None:
        """Store the answer."""
        self.answers[answer.id] = answer

    def remove(self, answer_id: bytes) -> None:
        """Forget the answer."""
        self.answers.pop(answer_id, None)

    def forget(self, before: dt.datetime) -> None:
        """Remove the answers that have expired."""
        for answer in [each for each in self.answers.values() if each.expires_at < before]:
            del self.answers[answer.id]
