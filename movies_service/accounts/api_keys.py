"""API keys: creation, listing, rotation, revocation and authentication."""

import dataclasses
import datetime as dt
import hmac
import re
from collections.abc import Callable, Iterable
from contextlib import suppress

from common.clock import Clock, utc_now
from common.errors import Conflict, InvalidInput, NotFound, Unauthenticated
from common.text import is_storable
from data_layer.entities.api_key import NAME_MAX_CHARACTERS, ApiKey
from data_layer.entities.scope import Scope
from data_layer.ports.result_recorder import ResultRecorder, record_nothing
from data_layer.ports.unit_of_work import UnitOfWork, UnitOfWorkFactory
from data_layer.transaction_retries import retried_when_busy
from movies_service.accounts.api_key_secrets import (
    BRAND,
    ID_PATTERN,
    PREFIX_CHARACTERS,
    hash_secret,
    is_well_formed,
    new_prefix,
    new_secret,
)
from movies_service.accounts.caller import COMMAND_LINE, Caller

ADMIN_NAME = "admin"

USED_SECONDS = 3600
"""Resolution of `last_used_at` in seconds; a database write for each use would cost too much."""

_ID = re.compile(ID_PATTERN)

_DUMMY_HASH = bytes(32)
"""Compared where no key has the prefix, so that the timing does not reveal that."""


@dataclasses.dataclass(frozen=True, slots=True)
class NewKey:
    """A key with its secret, which is shown only once."""

    key: ApiKey
    secret: str


class ApiKeys:
    """API keys of the service. Only the SHA-256 of a secret is stored."""

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
        record: ResultRecorder[NewKey] = record_nothing,
    ) -> NewKey:
        """Create a key, commit, and return it with its secret.

        Args:
            name: unique name for operators.
            scopes: permissions of the key.
            expires_at: time of expiry in UTC; `None` for never.
            by: the caller.
            record: stores the result in the same transaction.

        Raises:
            InvalidInput: the name is blank or too long.
            Conflict: the name is in use; names of revoked keys stay reserved.
        """
        _require_name(name)
        prefix = new_prefix()
        secret = new_secret(prefix)
        key = ApiKey(
            name=name,
            prefix=prefix,
            secret_hash=hash_secret(secret),
            scopes=frozenset(scopes),
            created_at=self._now(),
            expires_at=expires_at,
        )
        with self._unit_of_work() as uow:
            if uow.api_keys.find_by_name(name) is not None:
                raise Conflict("An API key with this name exists or existed: choose another name.")
            uow.api_keys.add(key)
            by.write_audit(uow, "api_key.created", _url_of(key))
            record(uow, new := NewKey(key, secret))
            uow.commit()
        return new

    def create_shown(
        self,
        name: str,
        scopes: Iterable[Scope],
        show: Callable[[str], None],
        expires_at: dt.datetime | None = None,
    ) -> None:
        """Create a key, commit, and show its secret; delete the key again if that fails.

        A stopped terminal makes `show` wait without limit, therefore no transaction is open.

        Raises:
            InvalidInput: see `create`.
            Conflict: see `create`.
        """
        new = self.create(name, scopes, expires_at)
        try:
            show(new.secret)
        except BaseException:  # Also Ctrl-C, while the terminal is stopped.
            self._remove(new.key)
            raise

    def create_first(self, show: Callable[[str], None]) -> None:
        """Create the admin key and show its secret, if no key exists; see `create_shown`."""
        if not self.list():
            # Another process of this service may create the key at the same time.
            with suppress(Conflict):
                self.create_shown(ADMIN_NAME, {Scope.ADMIN}, show)

    def list(self) -> tuple[ApiKey, ...]:
        """Return all keys, oldest first, without their secrets."""
        with self._unit_of_work(is_read_only=True) as uow:
            return uow.api_keys.list()

    def get(self, key_id: str) -> ApiKey:
        """Return the key with this ID."""
        with self._unit_of_work(is_read_only=True) as uow:
            return _get(uow, key_id)

    @retried_when_busy
    def revoke(self, name: str, by: Caller = COMMAND_LINE) -> None:
        """Revoke the key with this name and commit; a revoked key stays unchanged."""
        _require_name(name)
        with self._unit_of_work() as uow:
            key = uow.api_keys.find_by_name(name)
            if key is None:
                raise NotFound("No API key has this name; run `api-keys list`.")
            self._revoke(uow, key, by)

    @retried_when_busy
    def revoke_by_id(self, key_id: str, by: Caller) -> None:
        """Revoke the key with this ID and commit; a revoked key stays unchanged."""
        with self._unit_of_work() as uow:
            self._revoke(uow, _get(uow, key_id), by)

    @retried_when_busy
    def rotate(
        self,
        key_id: str,
        grace_seconds: int,
        by: Caller,
        record: ResultRecorder[NewKey] = record_nothing,
    ) -> NewKey:
        """Replace the secret of a key, commit, and return the key with its new secret.

        The replaced secret stays valid for `grace_seconds`; any older secret becomes invalid.

        Raises:
            InvalidInput: no key can have this ID.
            NotFound: no key has this ID.
            Conflict: the key is revoked or expired.
        """
        now = self._now()
        with self._unit_of_work() as uow:
            key = _get(uow, key_id)
            if not key.is_valid_at(now):
                raise Conflict("This API key is revoked or expired; create a new one.")
            secret = new_secret(key.prefix)
            rotated = dataclasses.replace(
                key,
                secret_hash=hash_secret(secret),
                previous_hash=key.secret_hash,
                previous_until=now + dt.timedelta(seconds=grace_seconds),
            )
            uow.api_keys.update(rotated)
            by.write_audit(uow, "api_key.rotated", _url_of(key))
            record(uow, new := NewKey(rotated, secret))
            uow.commit()
        return new

    def authenticate(self, secret: str) -> ApiKey:
        """Return the valid key that has this secret.

        Unknown, wrong, expired and revoked keys take the same path and raise the same error. A
        malformed secret is rejected without a database query.

        Raises:
            Unauthenticated: the secret is malformed, or no valid key has it.
        """
        if not is_well_formed(secret):
            raise Unauthenticated("Malformed API key: a character is wrong or missing.")
        now = self._now()
        with self._unit_of_work(is_read_only=True) as uow:
            key = uow.api_keys.find_by_prefix(secret[:PREFIX_CHARACTERS])
        expected = (_DUMMY_HASH,) if key is None else key.hashes_at(now)
        given = hash_secret(secret)
        # max() compares with every hash; any() would stop early and make the timing vary.
        is_same = max(hmac.compare_digest(given, each) for each in expected)
        if key is None or not is_same or not key.is_valid_at(now):
            raise Unauthenticated("This API key is not valid.")
        return key

    def is_use_worth_recording(self, key: ApiKey) -> bool:
        """Return whether the last recorded use of the key is older than `USED_SECONDS`."""
        used = key.last_used_at
        return used is None or (self._now() - used).total_seconds() > USED_SECONDS

    def record_use(self, key: ApiKey) -> None:
        """Set the key's time of last use to now and commit; ignore a key that was deleted."""
        with self._unit_of_work() as uow:
            stored = uow.api_keys.find_by_prefix(key.prefix)
            if stored is not None:
                uow.api_keys.update(dataclasses.replace(stored, last_used_at=self._now()))
                uow.commit()

    @retried_when_busy
    def _remove(self, key: ApiKey) -> None:
        with self._unit_of_work() as uow:
            uow.api_keys.remove(key.prefix)
            COMMAND_LINE.write_audit(uow, "api_key.removed", _url_of(key))
            uow.commit()

    def _revoke(self, uow: UnitOfWork, key: ApiKey, by: Caller) -> None:
        if key.revoked_at is None:
            uow.api_keys.update(dataclasses.replace(key, revoked_at=self._now()))
            by.write_audit(uow, "api_key.revoked", _url_of(key))
            uow.commit()


def _require_name(name: str) -> None:
    if not 0 < len(name.strip()) <= len(name) <= NAME_MAX_CHARACTERS or not is_storable(name):
        raise InvalidInput(f"A name has 1 to {NAME_MAX_CHARACTERS} characters.", field="name")


def _get(uow: UnitOfWork, key_id: str) -> ApiKey:
    if not _ID.fullmatch(key_id):
        raise InvalidInput("The id of an API key has 8 digits: 0-9 and a-f.", field="key_id")
    key = uow.api_keys.find_by_prefix(f"{BRAND}{key_id}")
    if key is None:
        raise NotFound("No API key has this id.")
    return key


def _url_of(key: ApiKey) -> str:
    return f"/api-keys/{key.id}"
