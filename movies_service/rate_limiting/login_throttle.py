"""Login throttle: exponential delay of failed logins per address and user, without lockouts."""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable

from common.errors import TooManyRequests
from movies_service.rate_limiting.rate_limiter import RateLimiter
from movies_service.rate_limiting.window_counters import WindowCounters

FREE_FAILURES = 3
"""Failed logins of an address for a user before the first delay."""

DELAY_MAX_SECONDS = 60
"""Longest delay of an address for a user; the first delay is 1 s, and each further one doubles."""

SLOW_FROM_FAILURES = 10
"""Failed logins of a user, from all addresses, from which unknown addresses are slowed down."""

SLOW_MAX_SECONDS = 4.0
"""Longest delay of a response to an unknown address."""

_ADDRESS_MEMORY_SECONDS, _USER_MEMORY_SECONDS = 900, 3600


class LoginThrottle:
    """Limits on the rate of password guesses.

    - The number of attempts of an address is limited, for all users together.
    - After `FREE_FAILURES` failures, an address is rejected for this user, each time for twice as
      long.
    - After `SLOW_FROM_FAILURES` failures for a user, addresses from which the user has never
      logged in get a delayed response. They are not rejected, since that would let an attacker
      lock the user out.

    Args:
        attempts: rate limit of attempts by address.
        counters: counters of failures.
        sleep: waits for a number of seconds.
    """

    def __init__(
        self,
        attempts: RateLimiter,
        counters: WindowCounters,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        self._attempts = attempts
        self._counters = counters
        self._sleep = sleep

    async def check(
        self, username: str, address: str, is_known: Callable[[], Awaitable[bool]]
    ) -> None:
        """Return when the password may be checked, possibly after a delay.

        Args:
            username: as sent by the client; it may not exist.
            address: address of the client.
            is_known: returns whether the user has logged in from this address before.

        Raises:
            TooManyRequests: the attempt is rejected; the error states when to retry.
        """
        await self._attempts.consume(address)
        user = _digest(username)
        wait = await self._counters.peek(f"wait {user} {address}", DELAY_MAX_SECONDS)
        if wait.count:
            raise TooManyRequests(
                "Too many failed logins; retry after the time in Retry-After.",
                retry_after_seconds=int(wait.seconds_left) + 1,
            )
        failures = (await self._counters.peek(f"user {user}", _USER_MEMORY_SECONDS)).count
        if failures >= SLOW_FROM_FAILURES and not await is_known():
            await self._sleep(min(0.25 * 2 ** (failures - SLOW_FROM_FAILURES), SLOW_MAX_SECONDS))

    async def record_failure(self, username: str, address: str) -> None:
        """Count a failed login, and delay the next attempt after `FREE_FAILURES` failures."""
        user = _digest(username)
        await self._counters.add(f"user {user}", _USER_MEMORY_SECONDS)
        pair = f"{user} {address}"
        failures = (await self._counters.add(f"pair {pair}", _ADDRESS_MEMORY_SECONDS)).count
        if failures >= FREE_FAILURES:
            exponent = min(failures - FREE_FAILURES, 10)
            await self._counters.add(f"wait {pair}", min(2**exponent, DELAY_MAX_SECONDS))

    async def record_success(self, username: str, address: str) -> None:
        """Reset the failures of this address for this user."""
        await self._counters.clear(f"pair {_digest(username)} {address}")


def _digest(username: str) -> str:
    """Return a hash of the username: a short key without special characters."""
    return hashlib.sha256(username.encode("utf-8", "surrogatepass")).hexdigest()[:32]
