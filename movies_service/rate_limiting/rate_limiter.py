"""So many requests in so much time, and no more.

What is left to a client is taken from the windows in lots, and handed out here: a read from the
cache takes less time than any look at a store.
"""

import re
import time
from collections.abc import Callable
from dataclasses import dataclass

from common.errors import TooManyRequests
from movies_service.rate_limiting.window_counters import Windows

RATE = re.compile(r"off|([1-9][0-9]{0,11})/(second|minute|hour|day)")
"""How a limit is written."""

_SECONDS = {"second": 1, "minute": 60, "hour": 3600, "day": 86_400}
_LOTS = 20
_CLIENTS_MAX = 10_000
"""Of how many clients lots are at hand; then all are given back, which costs each of them one."""


@dataclass(frozen=True, slots=True)
class Rate:
    """So many in so many seconds."""

    amount: int
    seconds: int

    @classmethod
    def parse(cls, text: str) -> "Rate | None":
        """Return what `RATE` says; nothing for `off`."""
        match = RATE.fullmatch(text)
        if match is None or match[1] is None:
            return None
        return cls(int(match[1]), _SECONDS[match[2]])


@dataclass(slots=True)
class Allowance:
    """What a client may still ask for until its window ends."""

    left: int
    """Of the lot."""
    rest: int
    """Of the window, beyond the lot."""
    until: float
    """On the clock of the limit."""


@dataclass(slots=True)
class Purse:
    """What a connection has of its client's allowance, so that nobody has to look for it."""

    allowance: Allowance | None = None


class RateLimit:
    """One rate, for each client.

    Args:
        name: of the limit, in headers.
        rate: what each client gets.
        windows: where it is counted.
        clock: in seconds.
    """

    def __init__(
        self,
        name: str,
        rate: Rate,
        windows: Windows,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._name = name
        self._rate = rate
        self._windows = windows
        self._clock = clock
        self._lot = max(1, rate.amount // _LOTS)
        self._allowances: dict[str, Allowance] = {}
        self.policy = f'"{name}";q={rate.amount};w={rate.seconds}'.encode()
        """The value of `RateLimit-Policy`."""
        self._left = f'"{name}";r=%d;t=%d'.encode()
        self.head = b"%%bx-request-id: %%b\r\nratelimit-policy: %b\r\nratelimit: %b\r\n" % (
            self.policy,
            self._left,
        )
        """What the end of a head is made of: the rest of it, the id of the request, what is left,
        and for how many seconds."""

    def spend(self, client: str, now: float) -> Allowance | None:
        """Spend one of what is at hand; `None` where that is used up, which `take` may change.

        Args:
            client: who asks.
            now: on the clock of the limit.
        """
        allowance = self._allowances.get(client)
        if allowance is None or allowance.left <= 0 or now >= allowance.until:
            return None
        allowance.left -= 1
        return allowance

    def headers(self, allowance: Allowance) -> list[tuple[bytes, bytes]]:
        """Return what an answer says of it."""
        left = self._left % (allowance.left + allowance.rest, allowance.until - self._clock())
        return [(b"ratelimit-policy", self.policy), (b"ratelimit", left)]

    async def take(self, client: str) -> Allowance:
        """Spend one, and fetch the next lot where need be.

        Raises:
            TooManyRequests: nothing is left in this window.
        """
        if (spent := self.spend(client, self._clock())) is not None:
            return spent
        lot, rate = self._lot, self._rate
        window = await self._windows.add(f"{self._name} {client}", rate.seconds, lot)
        granted = min(lot, rate.amount - (window.count - lot))
        if granted <= 0:
            raise TooManyRequests(
                f"More than {rate.amount} in {rate.seconds} seconds: wait as Retry-After says.",
                retry_after_seconds=int(window.seconds_left) + 1,
            )
        if len(self._allowances) >= _CLIENTS_MAX:
            self._allowances.clear()
        other = self._allowances.get(client)  # Another request has fetched one meanwhile.
        if other is not None and self._clock() < other.until:
            granted += max(0, other.left)
            other.left = 0  # Connections may have it in their purses.
        allowance = self._allowances[client] = Allowance(
            left=granted - 1,
            rest=max(0, rate.amount - window.count),
            until=self._clock() + window.seconds_left,
        )
        return allowance
