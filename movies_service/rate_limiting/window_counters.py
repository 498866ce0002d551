"""Fixed-window request counters, kept in process memory or shared through Redis."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeVar

import structlog
from limits.errors import StorageError

if TYPE_CHECKING:
    from limits.aio.storage import RedisStorage
    from redis.asyncio import ConnectionPool

REDIS_TIMEOUT_SECONDS = 0.25
REDIS_PAUSE_SECONDS = 5.0
"""Time without requests to Redis after a failure."""

_SWEEP_AT = 1_000
"""Number of local windows from which those that have ended are removed."""

_WINDOWS_KEPT_MAX = 10_000
"""Local windows that a sweep keeps, those that end last; their number may double until the next."""

T = TypeVar("T")

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class WindowState:
    """Count of a window, and seconds until the window ends."""

    count: int
    seconds_left: float


_NO_WINDOW = WindowState(0, 0)


class _Store(Protocol):
    """Windows by key."""

    async def add(self, key: str, seconds: int, amount: int) -> WindowState: ...

    async def peek(self, key: str) -> WindowState: ...

    async def clear(self, key: str) -> None: ...


class WindowCounters:
    """Counters that restart when their window ends.

    While Redis is unavailable, this process counts locally, so that no request fails. A clock
    that is set prolongs no window, here or on the host of Redis.

    Args:
        redis_url: as `redis://:password@host:port/0`; `None` counts in process memory.
        timeout_seconds: deadline of each Redis operation.
        clock: returns monotonic seconds.
    """

    def __init__(
        self,
        redis_url: str | None = None,
        timeout_seconds: float = REDIS_TIMEOUT_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._timeout_seconds = timeout_seconds
        self._local = _LocalStore(clock)
        self._connections: ConnectionPool | None = None
        self._redis: _Store | None = None
        if redis_url is not None:
            self._connections = _connections_to(redis_url, timeout_seconds)
            self._redis = _RedisStore(_open_redis(redis_url, self._connections))
        self._redis_retry_at = 0.0

    async def add(self, key: str, seconds: float, amount: int = 1) -> WindowState:
        """Add `amount` to a window and return its state.

        The window starts with its first count and lasts `seconds`, rounded to whole seconds.
        """
        length = max(1, round(seconds))
        return await self._run(lambda store: store.add(key, length, amount))

    async def peek(self, key: str, seconds: float) -> WindowState:
        """Return the state of a window of at most `seconds` without counting."""
        state = await self._run(lambda store: store.peek(key))
        return state if state.seconds_left <= seconds else _NO_WINDOW

    async def clear(self, key: str) -> None:
        """Reset a window."""
        await self._run(lambda store: store.clear(key))

    async def close(self) -> None:
        """Close the connections to Redis."""
        if self._connections is not None:
            await self._connections.disconnect()

    async def _run(self, work: Callable[[_Store], Awaitable[T]]) -> T:
        """Run `work` on Redis if it responds in time, else on the counters of this process."""
        if self._redis is not None and time.monotonic() >= self._redis_retry_at:
            try:
                async with asyncio.timeout(self._timeout_seconds):
                    return await work(self._redis)
            except (StorageError, TimeoutError):
                self._redis_retry_at = time.monotonic() + REDIS_PAUSE_SECONDS
                _log.warning("redis_unavailable_using_local_rate_limits")
        return await work(self._local)


class _LocalStore(_Store):
    """Windows in the memory of this process, on a monotonic clock."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._windows: dict[str, tuple[int, float]] = {}
        """Count and end of each window."""
        self._sweep_at = _SWEEP_AT

    async def add(self, key: str, seconds: int, amount: int) -> WindowState:
        now = self._clock()
        count, ends_at = self._windows.get(key, (0, 0.0))
        if ends_at <= now:
            count, ends_at = 0, now + seconds
            self._sweep(now)
        self._windows[key] = (count + amount, ends_at)
        return WindowState(count + amount, ends_at - now)

    async def peek(self, key: str) -> WindowState:
        count, ends_at = self._windows.get(key, (0, 0.0))
        seconds_left = ends_at - self._clock()
        return WindowState(count, seconds_left) if seconds_left > 0 else _NO_WINDOW

    async def clear(self, key: str) -> None:
        self._windows.pop(key, None)

    def _sweep(self, now: float) -> None:
        """Remove windows that have ended or are too many, once their number may have doubled."""
        if len(self._windows) >= self._sweep_at:
            ends = sorted(ends_at for _count, ends_at in self._windows.values())
            surplus = ends[:-_WINDOWS_KEPT_MAX]
            limit = max(now, surplus[-1]) if surplus else now
            self._windows = {
                key: window for key, window in self._windows.items() if window[1] > limit
            }
            self._sweep_at = max(_SWEEP_AT, 2 * len(self._windows))


class _RedisStore(_Store):
    """Windows in Redis, which ends them by the clock of its host.

    If that clock was set back, a window would last longer than its length: it is removed.
    """

    def __init__(self, storage: "RedisStorage") -> None:
        self._storage = storage

    async def add(self, key: str, seconds: int, amount: int) -> WindowState:
        count = await self._storage.incr(key, seconds, amount)
        seconds_left = await self._seconds_left(key)
        if seconds_left > seconds:
            await self.clear(key)
            count = await self._storage.incr(key, seconds, amount)
            seconds_left = seconds
        return WindowState(count, seconds_left)

    async def peek(self, key: str) -> WindowState:
        count = await self._storage.get(key)
        return WindowState(count, await self._seconds_left(key)) if count else _NO_WINDOW

    async def clear(self, key: str) -> None:
        await self._storage.clear(key)

    async def _seconds_left(self, key: str) -> int:
        """Return the whole seconds until the window ends, at least 0."""
        return round(await self._storage.get_expiry(key) - time.time())


def _connections_to(url: str, timeout_seconds: float) -> "ConnectionPool":
    from redis.asyncio import ConnectionPool  # noqa: PLC0415 - Takes 0.1 s: only when used.

    return ConnectionPool.from_url(
        url, socket_timeout=timeout_seconds, socket_connect_timeout=timeout_seconds
    )


def _open_redis(url: str, connections: "ConnectionPool") -> "RedisStorage":
    from limits.aio.storage import RedisStorage  # noqa: PLC0415 - As above.

    return RedisStorage(
        f"async+{url}",
        wrap_exceptions=True,
        implementation="redispy",
        key_prefix="movies",
        connection_pool=connections,  # type: ignore[arg-type]  # Its bridge accepts one.
    )
