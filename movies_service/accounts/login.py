"""Checking passwords, for whoever comes: few at a time, since each takes a lot of memory."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from common.errors import Unauthenticated
from common.executors import Run
from movies_service.accounts.caller import Caller
from movies_service.accounts.sessions import Sessions, Tokens
from movies_service.rate_limiting.login_throttle import LoginThrottle

AT_ONCE = 2
"""Argon2id takes 64 MiB for each."""

T = TypeVar("T")


class SignIn:
    """Lets users in who know their password.

    Args:
        sessions: of users.
        throttle: bounds how fast passwords can be guessed; `None` bounds nothing.
        read: runs what only reads.
        run: runs what takes long.
    """

    def __init__(
        self, sessions: Sessions, throttle: LoginThrottle | None, read: Run, run: Run
    ) -> None:
        self._sessions = sessions
        self._throttle = throttle
        self._read = read
        self._run = run
        self._turns = asyncio.Semaphore(AT_ONCE)

    async def run(self, username: str, password: str, by: Caller) -> Tokens:
        """Return the tokens of a new session.

        Raises:
            Unauthenticated: username and password don't go together.
            TooManyRequests: there were too many attempts.
        """
        return await self._throttled(
            username, by, lambda: self._run(self._sessions.start, username, password, by)
        )

    async def change_password(self, by: Caller, old: str, new: str) -> None:
        """Replace the password of a user who has signed in, and end all their sessions.

        Raises:
            Unauthenticated: the old password is wrong.
            TooManyRequests: there were too many attempts.
            InvalidInput: the new one is too short or too long.
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
            await throttle.admit(username, by.address, is_known)
        try:
            async with self._turns:
                result = await attempt()
        except Unauthenticated:
            if throttle is not None:
                await throttle.note_failure(username, by.address)
            raise
        if throttle is not None:
            await throttle.note_success(username, by.address)
        return result
