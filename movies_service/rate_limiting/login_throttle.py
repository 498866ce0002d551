"""Guessing passwords takes longer and longer, and locks nobody else out."""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable

from common.errors import TooManyRequests
from movies_service.rate_limiting.rate_limiter import RateLimit
from movies_service.rate_limiting.window_counters import Windows

FREE_FAILURES = 3
"""How often somebody may mistype a password before they have to wait."""

DELAY_MAX_SECONDS = 60
"""How long one address waits for one user at most, doubled from one second."""

SLOW_FROM_FAILURES = 10
"""From how many failures on, wherever they come from, strangers are made to wait for an answer."""

SLOW_MAX_SECONDS = 4.0

_ADDRESS_MEMORY_SECONDS, _USER_MEMORY_SECONDS = 900, 3600


class LoginThrottle:
    """Bounds how fast passwords can be guessed.

    - an address has so many attempts in a while, whichever user they are for;
    - after some failures an address is refused for one user, each time for twice as long;
    - after many failures for a user, whoever comes from an address that this user has not signed
      in from is answered late, and never refused: nobody locks the user out from elsewhere.

    Args:
        attempts: of one address.
        windows: where failures are counted.
        sleep: waits for some seconds.
    """

    def __init__(
        self,
        attempts: RateLimit,
        windows: Windows,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        self._attempts = attempts
        self._windows = windows
        self._sleep = sleep

    async def admit(
        self, username: str, address: str, is_known: Callable[[], Awaitable[bool]]
    ) -> None:
        """Let somebody try a password, now or a little later.

        Args:
            username: as it was given; it need not exist.
            address: from where.
            is_known: tells whether the user has signed in from there before.

        Raises:
            TooManyRequests: with when to try again.
        """
        await self._attempts.take(address)
        user = _digest(username)
        wait = await self._windows.look(f"wait {user} {address}")
        if wait.count:
            raise TooManyRequests(
                "Too many wrong passwords: wait as Retry-After says.",
                retry_after_seconds=int(wait.seconds_left) + 1,
            )
        failures = (await self._windows.look(f"user {user}")).count
        if failures >= SLOW_FROM_FAILURES and not await is_known():
            await self._sleep(min(0.25 * 2 ** (failures - SLOW_FROM_FAILURES), SLOW_MAX_SECONDS))

    async def note_failure(self, username: str, address: str) -> None:
        """Have the next attempt wait, if there were several failures."""
        user = _digest(username)
        await self._windows.add(f"user {user}", _USER_MEMORY_SECONDS)
        pair = f"{user} {address}"
        failures = (await self._windows.add(f"pair {pair}", _ADDRESS_MEMORY_SECONDS)).count
        if failures >= FREE_FAILURES:
            exponent = min(failures - FREE_FAILURES, 10)
            await self._windows.add(f"wait {pair}", min(2**exponent, DELAY_MAX_SECONDS))

    async def note_success(self, username: str, address: str) -> None:
        """Forget the failures of this address for this user."""
        await self._windows.clear(f"pair {_digest(username)} {address}")


def _digest(username: str) -> str:
    """Return a name that any store takes."""
    return hashlib.sha256(username.encode("utf-8", "surrogatepass")).hexdigest()[:32]
