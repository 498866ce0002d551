"""API keys: made, listed, revoked, and recognised."""

import dataclasses
import datetime as dt
import hashlib
import hmac
from collections.abc import Iterable

from common.clock import Clock, utc_now
from common.errors import Conflict, InvalidInput, NotFound, Unauthenticated
from common.text import is_storable
from data_layer.entities.api_key import NAME_MAX_CHARACTERS, ApiKey
from data_layer.entities.scope import Scope
from data_layer.ports.unit_of_work import UnitOfWork, UnitOfWorkFactory
from data_layer.retries import retried_when_busy
from movies_service.accounts.api_key_format import (
    BRAND,
    PREFIX_CHARACTERS,
    is_well_formed,
    new_prefix,
    new_secret,
)
from movies_service.accounts.caller import COMMAND_LINE, Caller

ADMIN_NAME = "admin"

USED_SECONDS = 3600
"""How exactly it is known when a key was used: to write it down each time would cost too much."""

_NOBODYS_HASH = bytes(32)


@dataclasses.dataclass(frozen=True, slots=True)
class NewKey:
    """A key with its secret, which is seen this once."""

    key: ApiKey
    secret: str


class ApiKeys:
    """The API keys. A key itself is seen once, when it is made; its SHA-256 is kept.

    Args:
        unit_of_work: opens transactions.
        now: the clock.
    """

    def __init__(self, unit_of_work: UnitOfWorkFactory, now: Clock = utc_now) -> None:
        self._unit_of_work = unit_of_work
        self._now = now

    @retried_when_busy
    def create(
        self,
        name: str,
        scopes: Iterable[Scope],
        expires_at: dt.datetime | None = None,
        by: Caller = COMMAND_LINE,
    ) -> NewKey:
        """Make a key, commit, and return it.

        Raises:
            InvalidInput: the name is blank or too long.
            Conflict: the name is taken, if only by a revoked key.
        """
        if not 0 < len(name.strip()) <= len(name) <= NAME_MAX_CHARACTERS or not is_storable(name):
            raise InvalidInput(f"A name has 1 to {NAME_MAX_CHARACTERS} characters.", field="name")
        prefix = new_prefix()
        secret = new_secret(prefix)
        key = ApiKey(
            name=name,
            prefix=prefix,
            secret_hash=_hash(secret),
            scopes=frozenset(scopes),
            created_at=self._now(),
            expires_at=expires_at and expires_at.astimezone(dt.UTC),
        )
        with self._unit_of_work() as uow:
            if uow.api_keys.find_by_name(name) is not None:
                raise Conflict("There is, or was, an API key of this name: choose another one.")
            uow.api_keys.add(key)
            by.note(uow, "api_key.created", _url_of(key))
            by.keep(uow, new := NewKey(key, secret))
            uow.commit()
        return new

    def create_first(self) -> str | None:
        """Make the admin key of a service that never had a key; else return `None`."""
        if self.list():
            return None
        try:
            return self.create(ADMIN_NAME, {Scope.ADMIN}).secret
        except Conflict:
            # Another process of this service started at the same moment and has made it.
            return None

    def list(self) -> tuple[ApiKey, ...]:
        """Return every key, oldest first, without secrets."""
        with self._unit_of_work(is_read_only=True) as uow:
            return uow.api_keys.list()

    def get(self, key_id: str) -> ApiKey:
        """Return the key with this id.

        Raises:
            NotFound: there is none.
        """
        with self._unit_of_work(is_read_only=True) as uow:
            return _get(uow, key_id)

    @retried_when_busy
    def revoke(self, name: str, by: Caller = COMMAND_LINE) -> None:
        """Make the key of this name open nothing any more, and commit; twice changes nothing.

        Raises:
            NotFound: there is no such key.
        """
        with self._unit_of_work() as uow:
            key = uow.api_keys.find_by_name(name)
            if key is None:
                raise NotFound("There is no API key of this name: `keys list` shows them.")
            self._revoke(uow, key, by)

    @retried_when_busy
    def revoke_by_id(self, key_id: str, by: Caller) -> None:
        """Make the key with this id open nothing any more, and commit; twice changes nothing.

        Raises:
            NotFound: there is no such key.
        """
        with self._unit_of_work() as uow:
            self._revoke(uow, _get(uow, key_id), by)

    @retried_when_busy
    def rotate(self, key_id: str, grace_seconds: int, by: Caller) -> NewKey:
        """Replace the secret of a key, commit, and return the new one.

        The old one opens for the grace period; one that was rotated away before opens no more.

        Raises:
            NotFound: there is no such key.
            Conflict: it is revoked or has expired.
        """
        now = self._now()
        with self._unit_of_work() as uow:
            key = _get(uow, key_id)
            if not key.is_valid_at(now):
                raise Conflict("This API key opens nothing any more: make a new one.")
            secret = new_secret(key.prefix)
            rotated = dataclasses.replace(
                key,
                secret_hash=_hash(secret),
                previous_hash=key.secret_hash,
                previous_until=now + dt.timedelta(seconds=grace_seconds),
            )
            uow.api_keys.update(rotated)
            by.note(uow, "api_key.rotated", _url_of(key))
            by.keep(uow, new := NewKey(rotated, secret))
            uow.commit()
        return new

    def authenticate(self, secret: str) -> ApiKey:
        """Return the key that `secret` is.

        Unknown, wrong, expired and revoked keys take the same path and give the same error. One
        that is mistyped is found out before the database is asked.

        Raises:
            Unauthenticated: it opens nothing.
        """
        if not is_well_formed(secret):
            raise Unauthenticated("This is no API key: a character is wrong or missing.")
        now = self._now()
        with self._unit_of_work(is_read_only=True) as uow:
            key = uow.api_keys.find_by_prefix(secret[:PREFIX_CHARACTERS])
        expected = (_NOBODYS_HASH,) if key is None else key.hashes_at(now)
        given = _hash(secret)
        is_same = max(hmac.compare_digest(given, each) for each in expected)  # Each is compared.
        if key is None or not is_same or not key.is_valid_at(now):
            raise Unauthenticated("This API key is not valid.")
        return key

    def is_use_worth_noting(self, key: ApiKey) -> bool:
        """Tell whether it was long ago that a use of the key was written down."""
        used = key.last_used_at
        return used is None or (self._now() - used).total_seconds() > USED_SECONDS

    def note_use(self, key: ApiKey) -> None:
        """Write down that the key opens something now, and commit."""
        with self._unit_of_work() as uow:
            known = uow.api_keys.find_by_prefix(key.prefix)
            if known is not None:
                uow.api_keys.update(dataclasses.replace(known, last_used_at=self._now()))
                uow.commit()

    def _revoke(self, uow: UnitOfWork, key: ApiKey, by: Caller) -> None:
        if key.revoked_at is None:
            uow.api_keys.update(dataclasses.replace(key, revoked_at=self._now()))
            by.note(uow, "api_key.revoked", _url_of(key))
            uow.commit()


def _get(uow: UnitOfWork, key_id: str) -> ApiKey:
    key = uow.api_keys.find_by_prefix(f"{BRAND}{key_id}")
    if key is None:
        raise NotFound("There is no API key with this id.")
    return key


def _url_of(key: ApiKey) -> str:
    return f"/api-keys/{key.id}"


def _hash(secret: str) -> bytes:
    return hashlib.sha256(secret.encode("utf-8", "surrogateescape")).digest()
