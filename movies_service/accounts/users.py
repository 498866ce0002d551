"""Users: creation, listing, changes and disabling."""

import dataclasses
from collections.abc import Iterable
from typing import Any

from common.clock import Clock, utc_now
from common.errors import Conflict, InvalidInput, NotFound
from data_layer.entities.scope import Scope
from data_layer.entities.user import USERNAME, User
from data_layer.ports.result_recorder import ResultRecorder, record_nothing
from data_layer.ports.unit_of_work import UnitOfWork, UnitOfWorkFactory
from data_layer.transaction_retries import retried_when_busy
from movies_service.accounts.caller import Caller
from movies_service.accounts.passwords import hash_password


class Users:
    """Users who can log in. Only the Argon2id hash of a password is stored."""

    def __init__(self, unit_of_work: UnitOfWorkFactory, now: Clock = utc_now) -> None:
        self._unit_of_work = unit_of_work
        self._now = now

    def add(
        self,
        username: str,
        password: str,
        scopes: Iterable[Scope],
        by: Caller,
        record: ResultRecorder[User] = record_nothing,
    ) -> User:
        """Create a user, commit, and return it.

        Raises:
            InvalidInput: the username or the password does not follow the rules.
            Conflict: the username is in use, possibly by a disabled user.
        """
        _require_username(username)
        user = User(
            username=username,
            password_hash=hash_password(password),
            scopes=frozenset(scopes),
            created_at=self._now(),
        )
        self._add(user, by, record)
        return user

    def list(self) -> tuple[User, ...]:
        """Return all users by name, including disabled ones."""
        with self._unit_of_work(is_read_only=True) as uow:
            return uow.users.list()

    def get(self, username: str) -> User:
        """Return the user with this name."""
        with self._unit_of_work(is_read_only=True) as uow:
            return _get(uow, username)

    def set_disabled(self, username: str, by: Caller, *, is_disabled: bool) -> User:
        """Disable or enable a user, end all their sessions, and commit."""
        disabled_at = self._now() if is_disabled else None
        return self._change(username, by, "disabled", disabled_at=disabled_at)

    def set_scopes(self, username: str, scopes: Iterable[Scope], by: Caller) -> User:
        """Replace the scopes of a user, effective from the next request, and commit."""
        return self._change(username, by, "scopes", scopes=frozenset(scopes))

    def set_password(self, username: str, password: str, by: Caller) -> User:
        """Set the password of a user, end all their sessions, and commit.

        Raises:
            NotFound: no user has this name.
            InvalidInput: no user can have this name, or the password is too short or too long.
        """
        return self._change(username, by, "password", password_hash=hash_password(password))

    @retried_when_busy
    def _add(self, user: User, by: Caller, record: ResultRecorder[User]) -> None:
        with self._unit_of_work() as uow:
            if uow.users.find(user.username) is not None:
                raise Conflict("A user with this name exists: choose another name.")
            uow.users.add(user)
            by.write_audit(uow, "user.created", f"/users/{user.username}")
            record(uow, user)
            uow.commit()

    @retried_when_busy
    def _change(self, username: str, by: Caller, field: str, **values: Any) -> User:  # noqa: ANN401 - Fields of several types.
        with self._unit_of_work() as uow:
            user = dataclasses.replace(_get(uow, username), **values)
            uow.users.update(user)
            if field != "scopes":
                uow.sessions.end_all(username, self._now())
            by.write_audit(uow, "user.changed", f"/users/{username}", [field])
            uow.commit()
        return user


def _get(uow: UnitOfWork, username: str) -> User:
    _require_username(username)
    user = uow.users.find(username)
    if user is None:
        raise NotFound("No user has this name.")
    return user


def _require_username(username: str) -> None:
    """Require a name that a user can have; not every database can look up other texts.

    Raises:
        InvalidInput: the name does not follow the grammar `USERNAME`.
    """
    if not USERNAME.fullmatch(username):
        raise InvalidInput(
            "A username has 1 to 64 characters: a-z, 0-9, and after the first one"
            " also . _ @ and -.",
            field="username",
        )
