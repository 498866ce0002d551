"""Fixed-window request counters, kept in process memory or shared through Redis."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import structlog
from limits.aio.storage import MemoryStorage, Storage
from limits.errors import StorageError

if TYPE_CHECKING:
    from redis.asyncio import ConnectionPool

REDIS_TIMEOUT_SECONDS = 0.25
REDIS_PAUSE_SECONDS = 5.0
"""Time without requests to Redis after a failure."""

T = TypeVar("T")

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class WindowState:
    """Count of a window, and seconds until the window ends."""

    count: int
    seconds_left: float


class WindowCounters:
    """Counters that restart when their window ends.

    While Redis is unavailable, this process counts locally, so that no request fails.

    Args:
        redis_url: as `redis://:password@host:port/0`; `None` counts in process memory.
        timeout_seconds: deadline of each Redis operation.
    """

    def __init__(
        self, redis_url: str | None = None, timeout_seconds: float = REDIS_TIMEOUT_SECONDS
    ) -> None:
        self._timeout_seconds = timeout_seconds
        self._local = MemoryStorage()
        self._connections: ConnectionPool | None = None
        self._redis: Storage | None = None
        if redis_url is not None:
            self._connections = _connections_to(redis_url, timeout_seconds)
            self._redis = _open_redis(redis_url, self._connections)
        self._redis_retry_at = 0.0

    async def add(self, key: str, seconds: float, amount: int = 1) -> WindowState:
        """Add `amount` to a window and return its state.

        The window starts with its first count and lasts `seconds`, rounded to whole seconds.
        """

        async def count(store: Storage) -> WindowState:
            counted = await store.incr(key, max(1, round(seconds)), amount)
            return WindowState(counted, await _seconds_left(store, key))

        return await self._run(count)

    async def peek(self, key: str) -> WindowState:
        """Return the state of a window without counting."""

        async def read(store: Storage) -> WindowState:
            counted = await store.get(key)
            return WindowState(counted, await _seconds_left(store, key) if counted else 0)

        return await self._run(read)

    async def clear(self, key: str) -> None:
        """Reset a window."""
        await self._run(lambda store: store.clear(key))

    async def close(self) -> None:
        """Close the connections to Redis."""
        if self._connections is not None:
            await self._connections.disconnect()

    async def _run(self, work: Callable[[Storage], Awaitable[T]]) -> T:
        """Run `work` on Redis if it responds in time, else on the counters of this process."""
        if self._redis is not None and time.monotonic() >= self._redis_retry_at:
            try:
                async with asyncio.timeout(self._timeout_seconds):
                    return await work(self._redis)
            except (StorageError, TimeoutError):
                self._redis_retry_at = time.monotonic() + REDIS_PAUSE_SECONDS
                _log.warning("redis_unavailable_using_local_rate_limits")
        return await work(self._local)


async def _seconds_left(store: Storage, key: str) -> float:
    return max(0.0, await store.get_expiry(key) - time.time())


def _connections_to(url: str, timeout_seconds: float) -> "ConnectionPool":
    from redis.asyncio import ConnectionPool  # noqa: PLC0415 - Takes 0.1 s: only when used.

    return ConnectionPool.from_url(
        url, socket_timeout=timeout_seconds, socket_connect_timeout=timeout_seconds
    )


def _open_redis(url: str, connections: "ConnectionPool") -> Storage:
    from limits.aio.storage import RedisStorage  # noqa: PLC0415 - As above.

    return RedisStorage(
        f"async+{url}",
        wrap_exceptions=True,
        implementation="redispy",
        key_prefix="movies",
        connection_pool=connections,  # type: ignore[arg-type]  # Its bridge accepts one.
    )
