"""What access tokens are signed with: given by the operator, or made here and rotated."""

import datetime as dt
import hashlib
import secrets
from collections.abc import Mapping, Sequence

from common.clock import Clock, utc_now
from data_layer.entities.signing_key import SigningKey
from data_layer.ports.unit_of_work import UnitOfWork, UnitOfWorkFactory
from data_layer.retries import retried_when_busy
from movies_service.accounts.caller import Caller

ACCESS_SECONDS = 900
"""How long an access token opens; a key that was replaced is good for as long."""

_SECRET_BYTES, _ID_BYTES = 32, 8


class SigningKeys:
    """The secrets that access tokens are signed with.

    Args:
        unit_of_work: opens transactions.
        given: by the operator: the first one signs, all are accepted. Where there are none, the
            database keeps one that is made when it is first needed.
        now: the clock.
    """

    def __init__(
        self, unit_of_work: UnitOfWorkFactory, given: Sequence[bytes] = (), now: Clock = utc_now
    ) -> None:
        self._unit_of_work = unit_of_work
        self._given = {_id_of(secret): secret for secret in given}
        self._now = now

    def current(self) -> tuple[str, bytes]:
        """Return the id and the secret that sign now."""
        if self._given:
            return next(iter(self._given.items()))
        with self._unit_of_work(is_read_only=True) as uow:
            keys = uow.signing_keys.list()
        newest = keys[0] if keys else self._make_first()
        return newest.id, newest.secret

    def known(self, uow: UnitOfWork) -> Sequence[bytes]:
        """Return every secret that is there, the current one first; one is made if need be."""
        if self._given:
            return tuple(self._given.values())
        keys = uow.signing_keys.list()
        if not keys:
            keys = (self._new(),)
            uow.signing_keys.add(keys[0])
        return tuple(key.secret for key in keys)

    def accepted(self, uow: UnitOfWork) -> Mapping[str, bytes]:
        """Return the secrets that are accepted now, by id."""
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
    def rotate(self, by: Caller, *, is_at_once: bool = False) -> None:
        """Sign with a new key from now on, and commit.

        The one before is accepted for as long as tokens last, unless `is_at_once`; older ones
        are forgotten.
        """
        with self._unit_of_work() as uow:
            known = uow.signing_keys.list()
            for key in known if is_at_once else known[1:]:
                uow.signing_keys.remove(key.id)
            new = self._new()
            uow.signing_keys.add(new)
            by.note(uow, "signing_key.rotated", new.id)
            uow.commit()

    @retried_when_busy
    def _make_first(self) -> SigningKey:
        with self._unit_of_work() as uow:
            if known := uow.signing_keys.list():  # Somebody was faster.
                return known[0]
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
