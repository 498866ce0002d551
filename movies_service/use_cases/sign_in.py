"""Checking passwords, for whoever comes: few at a time, since each takes a lot of memory."""

import asyncio

from movies_service.execution import Run
from movies_service.use_cases.caller import Caller
from movies_service.use_cases.sessions import Sessions, Tokens

AT_ONCE = 2
"""Argon2id takes 64 MiB for each."""


class SignIn:
    """Lets users in who know their password.

    Args:
        sessions: of users.
        run: runs what takes long.
    """

    def __init__(self, sessions: Sessions, run: Run) -> None:
        self._sessions = sessions
        self._run = run
        self._turns = asyncio.Semaphore(AT_ONCE)

    async def run(self, username: str, password: str, by: Caller) -> Tokens:
        """Return the tokens of a new session.

        Raises:
            Unauthenticated: username and password don't go together.
        """
        async with self._turns:
            return await self._run(self._sessions.start, username, password, by)

    async def change_password(self, by: Caller, old: str, new: str) -> None:
        """Replace the password of a user who has signed in, and end all their sessions.

        Raises:
            Unauthenticated: the old password is wrong.
            InvalidInput: the new one is too short or too long.
        """
        async with self._turns:
            await self._run(self._sessions.change_password, by.username or "", old, new, by)
