"""API keys: made, listed, revoked, and recognised."""

import dataclasses
import datetime as dt
import hashlib
import hmac
import secrets
from collections.abc import Callable, Iterable

from common.errors import Conflict, NotFound, Unauthenticated
from data_layer.entities.api_key import ApiKey, Scope
from data_layer.ports.unit_of_work import UnitOfWorkFactory
from data_layer.retries import retried_when_busy

BRAND = "mvs_"
"""What every key starts with, so that people and scanners recognise a leaked one."""

PREFIX_CHARACTERS = len(BRAND) + 8
"""How much of a key is kept in the clear, to find it by."""

ADMIN_NAME = "admin"

_PREFIX_BYTES, _SECRET_BYTES = 4, 32
_NOBODYS_HASH = bytes(32)


def utc_now() -> dt.datetime:
    """Return the current time in UTC."""
    return dt.datetime.now(dt.UTC)


class ApiKeys:
    """The API keys. A key itself is seen once, when it is made; its SHA-256 is kept.

    Args:
        unit_of_work: opens transactions.
        now: the clock.
    """

    def __init__(
        self, unit_of_work: UnitOfWorkFactory, now: Callable[[], dt.datetime] = utc_now
    ) -> None:
        self._unit_of_work = unit_of_work
        self._now = now

    @retried_when_busy
    def create(
        self, name: str, scopes: Iterable[Scope], expires_at: dt.datetime | None = None
    ) -> str:
        """Make a key, commit, and return it.

        Raises:
            Conflict: the name is taken, if only by a revoked key.
        """
        secret = f"{BRAND}{secrets.token_hex(_PREFIX_BYTES)}_{secrets.token_urlsafe(_SECRET_BYTES)}"
        key = ApiKey(
            name=name,
            prefix=secret[:PREFIX_CHARACTERS],
            secret_hash=_hash(secret),
            scopes=frozenset(scopes),
            created_at=self._now(),
            expires_at=expires_at,
        )
        with self._unit_of_work() as uow:
            if uow.api_keys.find_by_name(name) is not None:
                raise Conflict("There is, or was, an API key of this name: choose another one.")
            uow.api_keys.add(key)
            uow.commit()
        return secret

    def create_first(self) -> str | None:
        """Make the admin key of a service that never had a key; else return `None`."""
        if self.list():
            return None
        try:
            return self.create(ADMIN_NAME, {Scope.ADMIN})
        except Conflict:
            # Another process of this service started at the same moment and has made it.
            return None

    def list(self) -> tuple[ApiKey, ...]:
        """Return every key, oldest first, without secrets."""
        with self._unit_of_work(is_read_only=True) as uow:
            return uow.api_keys.list()

    @retried_when_busy
    def revoke(self, name: str) -> None:
        """Make a key open nothing any more, and commit. Revoking twice changes nothing.

        Raises:
            NotFound: there is no such key.
        """
        with self._unit_of_work() as uow:
            key = uow.api_keys.find_by_name(name)
            if key is None:
                raise NotFound("There is no API key of this name: `keys list` shows them.")
            if key.revoked_at is None:
                uow.api_keys.update(dataclasses.replace(key, revoked_at=self._now()))
                uow.commit()

    def authenticate(self, secret: str) -> ApiKey:
        """Return the key that `secret` is.

        Unknown, wrong, expired and revoked keys take the same path and give the same error.

        Raises:
            Unauthenticated: it opens nothing.
        """
        with self._unit_of_work(is_read_only=True) as uow:
            key = uow.api_keys.find_by_prefix(secret[:PREFIX_CHARACTERS])
        expected = _NOBODYS_HASH if key is None else key.secret_hash
        is_same = hmac.compare_digest(_hash(secret), expected)
        if key is None or not is_same or not key.is_valid_at(self._now()):
            raise Unauthenticated("This API key is not valid.")
        return key


def _hash(secret: str) -> bytes:
    return hashlib.sha256(secret.encode("utf-8", "surrogateescape")).digest()
