"""Login and password change: throttled, with few concurrent hash computations."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from common.errors import Unauthenticated
from common.executors import CallExecutor
from movies_service.accounts.caller import Caller
from movies_service.accounts.sessions import Sessions, Tokens
from movies_service.rate_limiting.login_throttle import LoginThrottle

CONCURRENT_HASHES = 2
"""Limit of concurrent password checks per process; each Argon2id hash takes 64 MiB of memory."""

T = TypeVar("T")


class Login:
    """Use cases that check a password, with throttling unless `throttle` is `None`."""

    def __init__(
        self,
        sessions: Sessions,
        throttle: LoginThrottle | None,
        read: CallExecutor,
        run: CallExecutor,
    ) -> None:
        self._sessions = sessions
        self._throttle = throttle
        self._read = read
        self._run = run
        self._hash_slots = asyncio.Semaphore(CONCURRENT_HASHES)

    async def run(self, username: str, password: str, by: Caller) -> Tokens:
        """Start a session, commit, and return its tokens.

        Raises:
            Unauthenticated: the username or the password is wrong, or the user is disabled.
            TooManyRequests: too many login attempts.
        """
        return await self._throttled(
            username, by, lambda: self._run(self._sessions.start, username, password, by)
        )

    async def change_password(self, by: Caller, old: str, new: str) -> None:
        """Replace the password of the logged-in user, end all their sessions, and commit.

        Raises:
            Unauthenticated: the old password is wrong.
            TooManyRequests: too many attempts.
            InvalidInput: the new password is too short or too long.
        """
        username = by.username or ""
        await self._throttled(
            username,
            by,
            lambda: self._run(self._sessions.change_password, username, old, new, by),
        )

    async def _throttled(self, username: str, by: Caller, attempt: Callable[[], Awaitable[T]]) -> T:
        async def is_known() -> bool:
            return await self._read(self._sessions.is_known_address, username, by.address)

        throttle = self._throttle
        if throttle is not None:
            await throttle.check(username, by.address, is_known)
        try:
            async with self._hash_slots:
                result = await attempt()
        except Unauthenticated:
            if throttle is not None:
                await throttle.record_failure(username, by.address)
            await self._run(self._sessions.audit_failure, username, by)
            raise
        if throttle is not None:
            await throttle.record_success(username, by.address)
        return result
