"""A request that is repeated is done once, and answered alike: Idempotency-Key.

The answer is stored in the transaction of what it tells, so that no crash parts the two; and
encrypted, since it may hold an API key that is shown this once.

Source: draft-ietf-httpapi-idempotency-key-header-07.
"""

import base64
import dataclasses
import datetime as dt
import hashlib
from dataclasses import dataclass

import orjson
from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from common.clock import Clock, utc_now
from common.errors import Conflict, InvalidInput
from data_layer.entities.idempotency_record import KeptAnswer
from data_layer.ports.unit_of_work import UnitOfWork, UnitOfWorkFactory
from data_layer.retries import retried_when_busy
from movies_service.accounts.signing_keys import SigningKeys

KEEP_HOURS = 24
HOLD_SECONDS = 60
"""For how long a request is taken to be in flight; then its process has died."""

_PURPOSE = b"movies-api kept answers"


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer as it is sent."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes = dataclasses.field(repr=False)


class KeptAnswers:
    """The answers of a day, by who has asked and the key that they gave.

    Args:
        unit_of_work: opens transactions.
        signing_keys: what answers are encrypted with is derived from them.
        now: the clock.
    """

    def __init__(
        self, unit_of_work: UnitOfWorkFactory, signing_keys: SigningKeys, now: Clock = utc_now
    ) -> None:
        self._unit_of_work = unit_of_work
        self._signing_keys = signing_keys
        self._now = now

    @retried_when_busy
    def begin(self, asker: str, key: str, request: bytes) -> KeptAnswer | Answer:
        """Return the answer that was given, or what this request holds from now on; commit.

        Args:
            asker: who asks; keys of others are other keys.
            key: the Idempotency-Key.
            request: all of the request that its answer depends on.

        Raises:
            InvalidInput: the key belongs to another request.
            Conflict: the same request is in flight, or its answer can't be read any more.
        """
        now = self._now()
        held = KeptAnswer(
            id=hashlib.sha256(f"{asker}\n{key}".encode()).digest(),
            request_hash=hashlib.sha256(request).digest(),
            held_until=now + dt.timedelta(seconds=HOLD_SECONDS),
            expires_at=now + dt.timedelta(hours=KEEP_HOURS),
        )
        with self._unit_of_work() as uow:
            uow.kept_answers.forget(now)
            known = uow.kept_answers.find(held.id)
            if known is not None and known.request_hash != held.request_hash:
                raise InvalidInput(
                    "This key belongs to another request: make a new one for each.",
                    field="Idempotency-Key",
                )
            if known is not None and known.content is not None:
                return self._decrypt(uow, known.content)
            if known is not None and now < known.held_until:
                raise Conflict("The same request is in flight: ask again in a moment.")
            uow.kept_answers.put(held)
            uow.commit()
        return held

    def keep(self, uow: UnitOfWork, held: KeptAnswer, answer: Answer) -> None:
        """Store the answer in the transaction of what it tells.

        Raises:
            Conflict: it took so long that another process has begun the same.
        """
        known = uow.kept_answers.find(held.id)
        if known is None or known.held_until != held.held_until:
            raise Conflict("The same request is in flight: ask again in a moment.")
        content = self._cipher(uow).encrypt(
            orjson.dumps([answer.status, answer.headers, base64.b64encode(answer.body).decode()])
        )
        uow.kept_answers.put(dataclasses.replace(held, content=content))

    @retried_when_busy
    def finish(self, held: KeptAnswer, answer: Answer) -> None:
        """Store the answer to a request that has changed nothing, and commit."""
        with self._unit_of_work() as uow:
            self.keep(uow, held, answer)
            uow.commit()

    @retried_when_busy
    def release(self, held: KeptAnswer) -> None:
        """Let the request be tried again, and commit."""
        with self._unit_of_work() as uow:
            uow.kept_answers.remove(held.id)
            uow.commit()

    def _decrypt(self, uow: UnitOfWork, content: bytes) -> Answer:
        try:
            status, headers, body = orjson.loads(self._cipher(uow).decrypt(content))
        except InvalidToken:
            raise Conflict(
                "This was done, but its answer can't be read any more: the signing key is gone."
            ) from None
        return Answer(status, tuple(map(tuple, headers)), base64.b64decode(body))

    def _cipher(self, uow: UnitOfWork) -> MultiFernet:
        secrets = self._signing_keys.known(uow)
        return MultiFernet([Fernet(_derived(secret)) for secret in secrets])


def _derived(secret: bytes) -> bytes:
    key = HKDF(SHA256(), length=32, salt=None, info=_PURPOSE).derive(secret)
    return base64.urlsafe_b64encode(key)
