"""The answers that are given again to the same request."""

import datetime as dt
from typing import Protocol

from data_layer.entities.idempotency_record import KeptAnswer


class KeptAnswerRepository(Protocol):
    """Keeps answers until they are forgotten."""

    def find(self, answer_id: bytes) -> KeptAnswer | None:
        """Return the answer with this id, if there is one."""
        ...

    def put(self, answer: KeptAnswer) -> None:
        """Store an answer in the place of the one with its id, if there is one."""
        ...

    def remove(self, answer_id: bytes) -> None:
        """Forget an answer; nothing happens where there is none."""
        ...

    def forget(self, before: dt.datetime) -> None:
        """Remove the answers that have expired before."""
        ...
