"""Users: made, listed, changed, disabled."""

import dataclasses
from collections.abc import Callable, Iterable

from common.clock import Clock, utc_now
from common.errors import Conflict, InvalidInput, NotFound
from data_layer.entities.scope import Scope
from data_layer.entities.user import USERNAME, User
from data_layer.ports.unit_of_work import UnitOfWork, UnitOfWorkFactory
from data_layer.retries import retried_when_busy
from movies_service.accounts.caller import Caller
from movies_service.accounts.passwords import hash_password

Changed = Callable[[User], User]


class Users:
    """The users who sign in. Of their passwords an Argon2id hash is kept.

    Args:
        unit_of_work: opens transactions.
        now: the clock.
    """

    def __init__(self, unit_of_work: UnitOfWorkFactory, now: Clock = utc_now) -> None:
        self._unit_of_work = unit_of_work
        self._now = now

    def add(self, username: str, password: str, scopes: Iterable[Scope], by: Caller) -> User:
        """Make a user, commit, and return it.

        Raises:
            InvalidInput: the name or the password is none.
            Conflict: the name is taken, if only by a disabled user.
        """
        if not USERNAME.fullmatch(username):
            raise InvalidInput(
                "A username has 1 to 64 of the characters a-z, 0-9, and, behind the first one,"
                " . _ @ and -.",
                field="username",
            )
        user = User(
            username=username,
            password_hash=hash_password(password),
            scopes=frozenset(scopes),
            created_at=self._now(),
        )
        self._add(user, by)
        return user

    def list(self) -> tuple[User, ...]:
        """Return every user by name, disabled ones included."""
        with self._unit_of_work(is_read_only=True) as uow:
            return uow.users.list()

    def get(self, username: str) -> User:
        """Return the user of this name.

        Raises:
            NotFound: there is none.
        """
        with self._unit_of_work(is_read_only=True) as uow:
            return _get(uow, username)

    def set_disabled(self, username: str, by: Caller, *, is_disabled: bool) -> User:
        """Let a user sign in no more, or again, and commit; the sessions end at once.

        Raises:
            NotFound: there is no such user.
        """
        disabled_at = self._now() if is_disabled else None
        return self._change(
            username,
            by,
            "disabled",
            lambda user: dataclasses.replace(user, disabled_at=disabled_at),
        )

    def set_scopes(self, username: str, scopes: Iterable[Scope], by: Caller) -> User:
        """Let a user do just this, from the next request on, and commit.

        Raises:
            NotFound: there is no such user.
        """
        wanted = frozenset(scopes)
        return self._change(
            username, by, "scopes", lambda user: dataclasses.replace(user, scopes=wanted)
        )

    def set_password(self, username: str, password: str, by: Caller) -> User:
        """Give a user a new password, end their sessions at once, and commit.

        Raises:
            NotFound: there is no such user.
            InvalidInput: the password is too short or too long.
        """
        password_hash = hash_password(password)
        return self._change(
            username,
            by,
            "password",
            lambda user: dataclasses.replace(user, password_hash=password_hash),
        )

    @retried_when_busy
    def _add(self, user: User, by: Caller) -> None:
        with self._unit_of_work() as uow:
            if uow.users.find(user.username) is not None:
                raise Conflict("There is a user of this name: choose another one.")
            uow.users.add(user)
            by.note(uow, "user.created", f"/users/{user.username}")
            by.keep(uow, user)
            uow.commit()

    @retried_when_busy
    def _change(self, username: str, by: Caller, field: str, change: Changed) -> User:
        with self._unit_of_work() as uow:
            user = change(_get(uow, username))
            uow.users.update(user)
            if field != "scopes":
                uow.sessions.end_all(username, self._now())
            by.note(uow, "user.changed", f"/users/{username}", [field])
            uow.commit()
        return user


def _get(uow: UnitOfWork, username: str) -> User:
    user = uow.users.find(username)
    if user is None:
        raise NotFound("There is no user of this name.")
    return user
