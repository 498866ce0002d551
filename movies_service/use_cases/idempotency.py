"""Idempotency records: stored responses that are replayed when a request is repeated.

The response is stored in the transaction of the request's changes, so that a crash cannot separate
them. A request that changed nothing leaves no record: its repetition changes nothing either. The
response is encrypted, since it may contain the secret of a new API key.

Source: draft-ietf-httpapi-idempotency-key-header-07.
"""

import base64
import dataclasses
import datetime as dt
import hashlib
import zlib
from dataclasses import dataclass

import orjson
from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from common.clock import Clock, utc_now
from common.errors import Conflict, InvalidInput
from data_layer.entities.idempotency_record import CALLER_BYTES, IdempotencyRecord
from data_layer.ports.unit_of_work import UnitOfWork, UnitOfWorkFactory
from data_layer.transaction_retries import retried_when_busy
from movies_service.accounts.signing_keys import SigningKeys

KEEP_HOURS = 24
"""Lifetime of a stored response."""

HOLD_SECONDS = 60
"""Lifetime of the lock of a request in progress; after it, the process is presumed dead."""

CALLER_MAX_BYTES, TOTAL_MAX_BYTES = 2**20, 2**26
"""Limits of the stored responses of one caller, about 1,000 movies, and of all callers.

Beyond a limit the oldest responses are deleted.
"""

TRIM_SECONDS = 60
"""Interval at which a process enforces `TOTAL_MAX_BYTES`, which reads the sizes of all records."""

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
        self._next_trim_at = now()

    @retried_when_busy
    def begin(self, client: str, key: str, request: bytes) -> IdempotencyRecord | StoredResponse:
        """Lock the key and commit, or return the stored response of the same request.

        `client` is the identity of the caller, who has keys of its own; `request` has all parts
        that determine the response. The locked record is to be passed to `record` and
        `release_lock`.

        Raises:
            InvalidInput: the key was used with a different request.
            Conflict: the same request is in progress, or its response cannot be decrypted.
        """
        held = self._new_record(client, key, request)
        with self._unit_of_work() as uow:
            uow.idempotency_records.delete_before(self._now())
            if (stored := self._find_response(uow, held)) is not None:
                return stored
            uow.idempotency_records.put(held)
            uow.commit()
        return held

    def find(self, client: str, key: str, request: bytes) -> StoredResponse | None:
        """Return the stored response of the same request, or `None`; see `begin`.

        It locks and writes nothing.

        Raises:
            InvalidInput: the key was used with a different request.
            Conflict: the same request is in progress, or its response cannot be decrypted.
        """
        with self._unit_of_work(is_read_only=True) as uow:
            return self._find_response(uow, self._new_record(client, key, request))

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
        head = orjson.dumps([response.status, response.headers])
        content = self._cipher(uow).encrypt(zlib.compress(head + b"\n" + response.body))
        records = uow.idempotency_records
        records.put(dataclasses.replace(held, response=content))
        records.delete_beyond(CALLER_MAX_BYTES, held.id[:CALLER_BYTES])
        if (now := self._now()) >= self._next_trim_at:
            self._next_trim_at = now + dt.timedelta(seconds=TRIM_SECONDS)
            records.delete_beyond(TOTAL_MAX_BYTES)

    @retried_when_busy
    def replace_response(self, held: IdempotencyRecord, response: StoredResponse) -> None:
        """Replace the stored response of a completed request, and commit.

        A response that was deleted meanwhile, because of the size limits, stays deleted.
        """
        with self._unit_of_work() as uow:
            if uow.idempotency_records.find(held.id) is not None:
                self.record(uow, held, response)
                uow.commit()

    @retried_when_busy
    def release_lock(self, held: IdempotencyRecord) -> None:
        """Delete the record, so that the request can be retried, and commit.

        A record with a response stays, and one that another process has taken over.
        """
        with self._unit_of_work() as uow:
            if uow.idempotency_records.find(held.id) == held:
                uow.idempotency_records.remove(held.id)
                uow.commit()

    def _new_record(self, client: str, key: str, request: bytes) -> IdempotencyRecord:
        now = self._now()
        return IdempotencyRecord(
            id=_digest(client) + _digest(key),
            request_fingerprint=hashlib.sha256(request).digest(),
            locked_until=now + dt.timedelta(seconds=HOLD_SECONDS),
            expires_at=now + dt.timedelta(hours=KEEP_HOURS),
        )

    def _find_response(self, uow: UnitOfWork, new: IdempotencyRecord) -> StoredResponse | None:
        """Return the stored response of the request of a new record; `None` if it may begin."""
        existing, now = uow.idempotency_records.find(new.id), self._now()
        if existing is None or existing.expires_at < now:
            return None
        if existing.request_fingerprint != new.request_fingerprint:
            raise InvalidInput(
                "This Idempotency-Key was already used with a different request.",
                field="Idempotency-Key",
            )
        if existing.response is not None:
            return self._decrypt(uow, existing.response)
        if now < existing.locked_until:
            raise Conflict(
                "A request with this Idempotency-Key is still being processed; retry shortly."
            )
        return None

    def _decrypt(self, uow: UnitOfWork, content: bytes) -> StoredResponse:
        try:
            decrypted = self._cipher(uow).decrypt(content)
        except InvalidToken:
            raise Conflict(
                "The request was completed, but its stored response can no longer be decrypted"
                " because the signing key was rotated."
            ) from None
        head, _, body = zlib.decompress(decrypted).partition(b"\n")
        status, headers = orjson.loads(head)
        return StoredResponse(status, tuple(map(tuple, headers)), body)

    def _cipher(self, uow: UnitOfWork) -> MultiFernet:
        secrets = self._signing_keys.list_secrets(uow)
        return MultiFernet([Fernet(_derive_key(secret)) for secret in secrets])


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()[:CALLER_BYTES]


def _derive_key(secret: bytes) -> bytes:
    key = HKDF(SHA256(), length=32, salt=None, info=_PURPOSE).derive(secret)
    return base64.urlsafe_b64encode(key)
