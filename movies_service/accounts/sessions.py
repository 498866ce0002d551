"""Sessions of users: login, authentication, token refresh, logout and password change."""

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
from data_layer.transaction_retries import retried_when_busy
from movies_service.accounts import access_tokens
from movies_service.accounts.access_tokens import Claims
from movies_service.accounts.caller import Caller
from movies_service.accounts.passwords import hash_password, is_same_password
from movies_service.accounts.signing_keys import SigningKeys

SESSION_DAYS = 30
"""Maximum age of a session. Login addresses count as known for the same time."""

_REFRESH_TOKEN = re.compile(r"mvr_([0-9a-f]{32})_[A-Za-z0-9_-]{43}")
_WRONG_CREDENTIALS = "The username or the password is wrong."
_ENDED = "This session has ended: log in again."


@dataclass(frozen=True, slots=True)
class Tokens:
    """The tokens of a session."""

    access: str = field(repr=False)
    refresh: str = field(repr=False)
    """Valid for one refresh, which returns the next pair."""


class Sessions:
    """The sessions of users.

    Args:
        unit_of_work: opens transactions.
        signing_keys: keys that sign access tokens.
        now: the clock.
    """

    def __init__(
        self, unit_of_work: UnitOfWorkFactory, signing_keys: SigningKeys, now: Clock = utc_now
    ) -> None:
        self._unit_of_work = unit_of_work
        self._signing_keys = signing_keys
        self._now = now

    def is_known_address(self, username: str, address: str) -> bool:
        """Return whether a stored session of the user was started from this address."""
        with self._unit_of_work(is_read_only=True) as uow:
            return any(each.address == address for each in uow.sessions.list_by_user(username))

    def start(self, username: str, password: str, by: Caller) -> Tokens:
        """Start a session, commit, and return its first tokens.

        Unknown users, disabled users and wrong passwords take the same path and raise the same
        error.

        Raises:
            Unauthenticated: the username or the password is wrong, or the user is disabled.
        """
        user = self._find_user(username)
        if not _is_right(user, password):
            raise Unauthenticated(_WRONG_CREDENTIALS)
        return self._start(username, user.password_hash if user else "", by)

    def authenticate(self, token: str) -> Caller:
        """Return the user of an access token as a caller.

        Raises:
            Unauthenticated: the token is invalid, the session has ended, or the user is disabled.
        """
        with self._unit_of_work(is_read_only=True) as uow:
            claims = access_tokens.read(token, self._signing_keys.list_accepted(uow))
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

        A reused token indicates theft, since each is valid once: it ends the session.

        Raises:
            Unauthenticated: the token is malformed, reused, or its session has ended.
        """
        match = _REFRESH_TOKEN.fullmatch(refresh_token)
        if match is None:
            raise Unauthenticated("Malformed refresh token: a character is wrong or missing.")
        with self._unit_of_work() as uow:
            session = uow.sessions.find(match[1])
            if session is None or not session.is_valid_at(self._now()):
                raise Unauthenticated(_ENDED)
            by = dataclasses.replace(by, name=f"user:{session.username}")
            if not hmac.compare_digest(_hash(refresh_token), session.refresh_hash):
                self._end(uow, session, by, "session.refresh_token_reused")
                uow.commit()
                raise Unauthenticated(_ENDED)
            new = _new_refresh_token(session.id)
            uow.sessions.update(dataclasses.replace(session, refresh_hash=_hash(new)))
            uow.commit()
        return self._tokens(session, new)

    @retried_when_busy
    def end(self, session_id: str, by: Caller) -> None:
        """End a session and commit; an unknown ID changes nothing."""
        with self._unit_of_work() as uow:
            if (session := uow.sessions.find(session_id)) is not None:
                self._end(uow, session, by, "session.ended")
                uow.commit()

    def change_password(self, username: str, old: str, new: str, by: Caller) -> None:
        """Replace the password of a user, end all their sessions, and commit.

        Raises:
            Unauthenticated: the old password is wrong, or the user is disabled.
            InvalidInput: the new password is too short or too long.
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
                raise Unauthenticated(_WRONG_CREDENTIALS)  # Changed since the password check.
            uow.sessions.delete_before(now)
            uow.sessions.add(session)
            dataclasses.replace(by, name=f"user:{username}").write_audit(
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
                by.write_audit(uow, "user.changed", f"/users/{username}", ["password"])
                uow.commit()

    def _find_user(self, username: str) -> User | None:
        with self._unit_of_work(is_read_only=True) as uow:
            return uow.users.find(username)

    def _end(self, uow: UnitOfWork, session: Session, by: Caller, action: str) -> None:
        uow.sessions.update(dataclasses.replace(session, ended_at=self._now()))
        by.write_audit(uow, action, f"/users/{session.username}")

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
