"""Signing keys of access tokens: set by the operator, or generated here and rotated."""

import datetime as dt
import hashlib
import secrets
from collections.abc import Mapping, Sequence

from common.clock import Clock, utc_now
from data_layer.entities.signing_key import SigningKey
from data_layer.ports.unit_of_work import UnitOfWork, UnitOfWorkFactory
from data_layer.transaction_retries import retried_when_busy
from movies_service.accounts.caller import Caller

ACCESS_SECONDS = 900
"""Lifetime of an access token; a replaced signing key is accepted for the same time."""

_SECRET_BYTES, _ID_BYTES = 32, 8


class SigningKeys:
    """The secrets that sign access tokens.

    Args:
        given: secrets set by the operator; the first one signs, all are accepted. If empty, a key
            in the database is used, which is generated on first use.
    """

    def __init__(
        self, unit_of_work: UnitOfWorkFactory, given: Sequence[bytes] = (), now: Clock = utc_now
    ) -> None:
        self._unit_of_work = unit_of_work
        self._given = {_id_of(secret): secret for secret in given}
        self._now = now

    def current(self) -> tuple[str, bytes]:
        """Return ID and secret of the current signing key.

        Generates and commits the first key if none exists.
        """
        if self._given:
            return next(iter(self._given.items()))
        with self._unit_of_work(is_read_only=True) as uow:
            keys = uow.signing_keys.list()
        newest = keys[0] if keys else self._make_first()
        return newest.id, newest.secret

    def list_secrets(self, uow: UnitOfWork) -> Sequence[bytes]:
        """Return all secrets, the current one first.

        Adds a first key to the transaction of `uow` if none exists; the caller commits.
        """
        if self._given:
            return tuple(self._given.values())
        keys = uow.signing_keys.list()
        if not keys:
            keys = (self._new(),)
            uow.signing_keys.add(keys[0])
        return tuple(key.secret for key in keys)

    def list_accepted(self, uow: UnitOfWork) -> Mapping[str, bytes]:
        """Return the secrets that are accepted now by key ID.

        A replaced key is accepted until tokens that it signed have expired.
        """
        if self._given:
            return self._given
        accepted: dict[str, bytes] = {}
        replaced_at = None
        for key in uow.signing_keys.list():
            if replaced_at and replaced_at + dt.timedelta(seconds=ACCESS_SECONDS) <= self._now():
                break
            accepted[key.id] = key.secret
            replaced_at = key.created_at
        return accepted

    @retried_when_busy
    def rotate(self, by: Caller, *, revokes_existing: bool = False) -> None:
        """Generate a new signing key and commit.

        The replaced key is accepted until its tokens expire, unless `revokes_existing`; older keys
        are deleted.
        """
        with self._unit_of_work() as uow:
            existing = uow.signing_keys.list()
            for key in existing if revokes_existing else existing[1:]:
                uow.signing_keys.remove(key.id)
            new = self._new()
            uow.signing_keys.add(new)
            by.write_audit(uow, "signing_key.rotated", new.id)
            uow.commit()

    @retried_when_busy
    def _make_first(self) -> SigningKey:
        with self._unit_of_work() as uow:
            if existing := uow.signing_keys.list():  # Another process created it first.
                return existing[0]
            key = self._new()
            uow.signing_keys.add(key)
            uow.commit()
        return key

    def _new(self) -> SigningKey:
        return SigningKey(
            id=secrets.token_hex(_ID_BYTES),
            secret=secrets.token_bytes(_SECRET_BYTES),
            created_at=self._now(),
        )


def _id_of(secret: bytes) -> str:
    return hashlib.sha256(secret).hexdigest()[: 2 * _ID_BYTES]
