"""Signing in, staying signed in, signing out."""

import dataclasses
import datetime as dt
import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass, field

from common.clock import Clock, utc_now
from common.errors import Unauthenticated
from data_layer.entities.session import Session
from data_layer.entities.user import User
from data_layer.ports.unit_of_work import UnitOfWork, UnitOfWorkFactory
from data_layer.retries import retried_when_busy
from movies_service.accounts import access_tokens
from movies_service.accounts.access_tokens import Claims
from movies_service.accounts.caller import Caller
from movies_service.accounts.passwords import hash_password, is_same_password
from movies_service.accounts.signing_keys import SigningKeys

SESSION_DAYS = 30
"""After so long everybody has to sign in again; for as long their addresses are known."""

_REFRESH_TOKEN = re.compile(r"mvr_([0-9a-f]{32})_[A-Za-z0-9_-]{43}")
_REFUSED = "The username or the password is wrong."
_ENDED = "This session has ended: sign in again."


@dataclass(frozen=True, slots=True)
class Tokens:
    """What a user gets for signing in."""

    access: str = field(repr=False)
    refresh: str = field(repr=False)
    """Good once, for the next pair."""


class Sessions:
    """The sessions of users.

    Args:
        unit_of_work: opens transactions.
        signing_keys: for access tokens.
        now: the clock.
    """

    def __init__(
        self, unit_of_work: UnitOfWorkFactory, signing_keys: SigningKeys, now: Clock = utc_now
    ) -> None:
        self._unit_of_work = unit_of_work
        self._signing_keys = signing_keys
        self._now = now

    def is_known_address(self, username: str, address: str) -> bool:
        """Tell whether the user has signed in from there lately."""
        with self._unit_of_work(is_read_only=True) as uow:
            return any(each.address == address for each in uow.sessions.of_user(username))

    def start(self, username: str, password: str, by: Caller) -> Tokens:
        """Begin a session, commit, and return its first tokens.

        Unknown and disabled users and wrong passwords take the same path, and give the same error.

        Raises:
            Unauthenticated: username and password don't go together.
        """
        user = self._find_user(username)
        if not _is_right(user, password):
            raise Unauthenticated(_REFUSED)
        return self._start(username, user.password_hash if user else "", by)

    def authenticate(self, token: str) -> Caller:
        """Return who signed in, if the session goes on.

        Raises:
            Unauthenticated: the token is not valid, or the session has ended.
        """
        with self._unit_of_work(is_read_only=True) as uow:
            claims = access_tokens.read(token, self._signing_keys.accepted(uow))
            session = uow.sessions.find(claims.session_id)
            user = uow.users.find(claims.username)
        if session is None or user is None or session.username != user.username:
            raise Unauthenticated(_ENDED)
        if user.disabled_at is not None or not session.is_valid_at(self._now()):
            raise Unauthenticated(_ENDED)
        return Caller(name=f"user:{user.username}", scopes=user.scopes, session_id=session.id)

    @retried_when_busy
    def refresh(self, refresh_token: str, by: Caller) -> Tokens:
        """Replace the refresh token of a session, commit, and return new tokens.

        One that was replaced before is known to somebody else as well: it ends the session.

        Raises:
            Unauthenticated: the token is not good.
        """
        match = _REFRESH_TOKEN.fullmatch(refresh_token)
        if match is None:
            raise Unauthenticated("This is no refresh token: a character is wrong or missing.")
        with self._unit_of_work() as uow:
            session = uow.sessions.find(match[1])
            if session is None or not session.is_valid_at(self._now()):
                raise Unauthenticated(_ENDED)
            by = dataclasses.replace(by, name=f"user:{session.username}")
            if not hmac.compare_digest(_hash(refresh_token), session.refresh_hash):
                self._end(uow, session, by, "session.reused")
                uow.commit()
                raise Unauthenticated(_ENDED)
            new = _new_refresh_token(session.id)
            uow.sessions.update(dataclasses.replace(session, refresh_hash=_hash(new)))
            uow.commit()
        return self._tokens(session, new)

    @retried_when_busy
    def end(self, session_id: str, by: Caller) -> None:
        """End a session, and commit."""
        with self._unit_of_work() as uow:
            if (session := uow.sessions.find(session_id)) is not None:
                self._end(uow, session, by, "session.ended")
                uow.commit()

    def change_password(self, username: str, old: str, new: str, by: Caller) -> None:
        """Give a user who knows the password a new one, end all their sessions, and commit.

        Raises:
            Unauthenticated: the old password is wrong.
            InvalidInput: the new one is too short or too long.
        """
        user = self._find_user(username)
        if not _is_right(user, old):
            raise Unauthenticated("The password is wrong.")
        self._set_password(username, hash_password(new, "new_password"), by)

    @retried_when_busy
    def _start(self, username: str, password_hash: str, by: Caller) -> Tokens:
        now = self._now()
        session_id = secrets.token_hex(16)
        refresh_token = _new_refresh_token(session_id)
        session = Session(
            id=session_id,
            username=username,
            refresh_hash=_hash(refresh_token),
            address=by.address,
            created_at=now,
            expires_at=now + dt.timedelta(days=SESSION_DAYS),
        )
        with self._unit_of_work() as uow:
            user = uow.users.find(username)
            if user is None or user.disabled_at or user.password_hash != password_hash:
                raise Unauthenticated(_REFUSED)  # It was changed since we looked.
            uow.sessions.forget(now)
            uow.sessions.add(session)
            dataclasses.replace(by, name=f"user:{username}").note(
                uow, "session.started", f"/users/{username}"
            )
            uow.commit()
        return self._tokens(session, refresh_token)

    @retried_when_busy
    def _set_password(self, username: str, password_hash: str, by: Caller) -> None:
        with self._unit_of_work() as uow:
            if (user := uow.users.find(username)) is not None:
                uow.users.update(dataclasses.replace(user, password_hash=password_hash))
                uow.sessions.end_all(username, self._now())
                by.note(uow, "user.changed", f"/users/{username}", ["password"])
                uow.commit()

    def _find_user(self, username: str) -> User | None:
        with self._unit_of_work(is_read_only=True) as uow:
            return uow.users.find(username)

    def _end(self, uow: UnitOfWork, session: Session, by: Caller, action: str) -> None:
        uow.sessions.update(dataclasses.replace(session, ended_at=self._now()))
        by.note(uow, action, f"/users/{session.username}")

    def _tokens(self, session: Session, refresh_token: str) -> Tokens:
        claims = Claims(session.username, session.id)
        key_id, secret = self._signing_keys.current()
        return Tokens(access_tokens.issue(claims, key_id, secret, self._now()), refresh_token)


def _is_right(user: User | None, password: str) -> bool:
    is_same = is_same_password(password, user.password_hash if user else None)
    return is_same and user is not None and user.disabled_at is None


def _new_refresh_token(session_id: str) -> str:
    return f"mvr_{session_id}_{secrets.token_urlsafe(32)}"


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
