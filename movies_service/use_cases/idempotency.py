"""Idempotency records: stored responses that are replayed when a request is repeated.

The response is stored in the transaction of the request's changes, so that a crash cannot separate
them. It is encrypted, since it may contain the secret of a new API key.

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
from data_layer.entities.idempotency_record import IdempotencyRecord
from data_layer.ports.unit_of_work import UnitOfWork, UnitOfWorkFactory
from data_layer.transaction_retries import retried_when_busy
from movies_service.accounts.signing_keys import SigningKeys

KEEP_HOURS = 24
"""Lifetime of a stored response."""

HOLD_SECONDS = 60
"""Lifetime of the lock of a request in progress; after it, the process is presumed dead."""

_PURPOSE = b"movies-api idempotency records"


@dataclass(frozen=True, slots=True)
class StoredResponse:
    """A response in the form in which it is sent."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes = dataclasses.field(repr=False)


class IdempotencyStore:
    """Stored responses of the last 24 hours by client and Idempotency-Key."""

    def __init__(
        self, unit_of_work: UnitOfWorkFactory, signing_keys: SigningKeys, now: Clock = utc_now
    ) -> None:
        self._unit_of_work = unit_of_work
        self._signing_keys = signing_keys
        self._now = now

    @retried_when_busy
    def begin(self, client: str, key: str, request: bytes) -> IdempotencyRecord | StoredResponse:
        """Lock the key and commit, or return the stored response of the same request.

        `client` is the identity of the caller, who has keys of its own; `request` has all parts
        that determine the response. The locked record is to be passed to `record`, `finish` or
        `release_lock`.

        Raises:
            InvalidInput: the key was used with a different request.
            Conflict: the same request is in progress, or its response cannot be decrypted.
        """
        now = self._now()
        held = IdempotencyRecord(
            id=hashlib.sha256(f"{client}\n{key}".encode()).digest(),
            request_fingerprint=hashlib.sha256(request).digest(),
            locked_until=now + dt.timedelta(seconds=HOLD_SECONDS),
            expires_at=now + dt.timedelta(hours=KEEP_HOURS),
        )
        with self._unit_of_work() as uow:
            uow.idempotency_records.delete_before(now)
            existing = uow.idempotency_records.find(held.id)
            if existing is not None and existing.request_fingerprint != held.request_fingerprint:
                raise InvalidInput(
                    "This Idempotency-Key was already used with a different request.",
                    field="Idempotency-Key",
                )
            if existing is not None and existing.response is not None:
                return self._decrypt(uow, existing.response)
            if existing is not None and now < existing.locked_until:
                raise Conflict(
                    "A request with this Idempotency-Key is still being processed; retry shortly."
                )
            uow.idempotency_records.put(held)
            uow.commit()
        return held

    def record(self, uow: UnitOfWork, held: IdempotencyRecord, response: StoredResponse) -> None:
        """Store the response in the transaction of the request's changes; the caller commits.

        Raises:
            Conflict: the lock expired, and another process has started the same request.
        """
        existing = uow.idempotency_records.find(held.id)
        if existing is None or existing.locked_until != held.locked_until:
            raise Conflict(
                "A request with this Idempotency-Key is still being processed; retry shortly."
            )
        content = self._cipher(uow).encrypt(
            orjson.dumps(
                [response.status, response.headers, base64.b64encode(response.body).decode()]
            )
        )
        uow.idempotency_records.put(dataclasses.replace(held, response=content))

    @retried_when_busy
    def finish(self, held: IdempotencyRecord, response: StoredResponse) -> None:
        """Store the response to a request that changed nothing, and commit."""
        with self._unit_of_work() as uow:
            self.record(uow, held, response)
            uow.commit()

    @retried_when_busy
    def release_lock(self, held: IdempotencyRecord) -> None:
        """Delete the record, so that the request can be retried, and commit."""
        with self._unit_of_work() as uow:
            uow.idempotency_records.remove(held.id)
            uow.commit()

    def _decrypt(self, uow: UnitOfWork, content: bytes) -> StoredResponse:
        try:
            status, headers, body = orjson.loads(self._cipher(uow).decrypt(content))
        except InvalidToken:
            raise Conflict(
                "The request was completed, but its stored response can no longer be decrypted"
                " because the signing key was rotated."
            ) from None
        return StoredResponse(status, tuple(map(tuple, headers)), base64.b64decode(body))

    def _cipher(self, uow: UnitOfWork) -> MultiFernet:
        secrets = self._signing_keys.list_secrets(uow)
        return MultiFernet([Fernet(_derive_key(secret)) for secret in secrets])


def _derive_key(secret: bytes) -> bytes:
    key = HKDF(SHA256(), length=32, salt=None, info=_PURPOSE).derive(secret)
    return base64.urlsafe_b64encode(key)
