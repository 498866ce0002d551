"""Sessions of users: login, authentication, token refresh, logout and password change."""

import base64
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

REPEAT_SECONDS = 30
"""Time in which a client may repeat a refresh whose response was lost."""

_SECRET_BYTES, _TOKEN_ID_DIGITS = 32, 32
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

        The last refresh may be repeated from the same address within `REPEAT_SECONDS`, since its
        response may have been lost: it returns the same tokens. Any other reuse of a token
        indicates theft and ends the session.

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
            new = self._find_successor(session, refresh_token, by)
            if hmac.compare_digest(_hash(refresh_token), session.refresh_hash):
                session, new = self._replace_token(session, refresh_token, by)
                uow.sessions.update(session)
                uow.commit()
            elif new is None:
                by = dataclasses.replace(by, name=f"user:{session.username}")
                self._end(uow, session, by, "session.refresh_token_reused")
                uow.commit()
                raise Unauthenticated(_ENDED)
        return self._tokens(session, new)

    @retried_when_busy
    def audit_failure(self, username: str, by: Caller) -> None:
        """Write an audit entry on a wrong username or password, and commit.

        It names existing users only: a text that is no username may be a password.
        """
        with self._unit_of_work() as uow:
            is_known = uow.users.find(username) is not None
            by.write_audit(uow, "login.failed", f"/users/{username}" if is_known else "/users")
            uow.commit()

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

    def _replace_token(self, session: Session, token: str, by: Caller) -> tuple[Session, str]:
        """Return the session after a refresh from now, and its new refresh token."""
        salt = secrets.token_bytes(_SECRET_BYTES)
        successor = _successor(session.id, token, salt)
        refreshed = dataclasses.replace(
            session,
            refresh_hash=_hash(successor),
            refreshed_at=self._now(),
            refreshed_from=by.address,
            refresh_salt=salt,
        )
        return refreshed, successor

    def _find_successor(self, session: Session, token: str, by: Caller) -> str | None:
        """Return the successor of a token if this repeats the last refresh, else None."""
        if session.refreshed_at is None or session.refresh_salt is None:
            return None
        age = self._now() - session.refreshed_at
        if age > dt.timedelta(seconds=REPEAT_SECONDS) or session.refreshed_from != by.address:
            return None
        successor = _successor(session.id, token, session.refresh_salt)
        return successor if hmac.compare_digest(_hash(successor), session.refresh_hash) else None

    @retried_when_busy
    def _start(self, username: str, password_hash: str, by: Caller) -> Tokens:
        now = self._now()
        session_id = secrets.token_hex(16)
        refresh_token = _refresh_token(session_id, secrets.token_bytes(_SECRET_BYTES))
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
        """Return the refresh token with its access token; the same session gives the same pair."""
        claims = Claims(session.username, session.id)
        token_id = _hash(f"access token of {refresh_token}").hex()[:_TOKEN_ID_DIGITS]
        issued_at = session.refreshed_at or session.created_at
        access = access_tokens.issue(claims, token_id, *self._signing_keys.current(), issued_at)
        return Tokens(access, refresh_token)


def _is_right(user: User | None, password: str) -> bool:
    is_same = is_same_password(password, user.password_hash if user else None)
    return is_same and user is not None and user.disabled_at is None


def _successor(session_id: str, token: str, salt: bytes) -> str:
    """Return the next refresh token; neither the token nor the salt alone reveals it."""
    return _refresh_token(session_id, hmac.digest(token.encode(), salt, "sha256"))


def _refresh_token(session_id: str, secret: bytes) -> str:
    """Return the token of a secret of 32 bytes."""
    return f"mvr_{session_id}_{base64.urlsafe_b64encode(secret).rstrip(b'=').decode()}"


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
