"""Where is counted who has asked how often: in this process, or in Redis for all of them."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

import structlog
from limits.aio.storage import MemoryStorage, RedisStorage, Storage
from limits.errors import StorageError
from redis.asyncio import ConnectionPool

REDIS_TIMEOUT_SECONDS = 0.25
REDIS_PAUSE_SECONDS = 5.0
"""For how long Redis is left alone when it did not answer."""

T = TypeVar("T")

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Window:
    """How often something was counted, and when that begins anew."""

    count: int
    seconds_left: float


class Windows:
    """Counters that begin anew after a while.

    While Redis is away this process counts for itself: nobody is turned away for that.

    Args:
        redis_url: as `redis://:password@host:port/0`; without it this process counts.
        timeout_seconds: for how long Redis is waited for.
    """

    def __init__(
        self, redis_url: str | None = None, timeout_seconds: float = REDIS_TIMEOUT_SECONDS
    ) -> None:
        self._timeout_seconds = timeout_seconds
        self._own = MemoryStorage()
        self._connections: ConnectionPool | None = None
        self._shared: Storage | None = None
        if redis_url is not None:
            self._connections = _connections_to(redis_url, timeout_seconds)
            self._shared = _open_redis(redis_url, self._connections)
        self._shared_again_at = 0.0

    async def add(self, key: str, seconds: float, amount: int = 1) -> Window:
        """Count, in a window that lasts so long from its first count; return what it is now."""

        async def count(store: Storage) -> Window:
            counted = await store.incr(key, max(1, round(seconds)), amount)
            return Window(counted, await _seconds_left(store, key))

        return await self._run(count)

    async def look(self, key: str) -> Window:
        """Return what a window is now, without counting."""

        async def read(store: Storage) -> Window:
            counted = await store.get(key)
            return Window(counted, await _seconds_left(store, key) if counted else 0)

        return await self._run(read)

    async def clear(self, key: str) -> None:
        """Begin a window anew."""
        await self._run(lambda store: store.clear(key))

    async def close(self) -> None:
        """Close the connections to Redis."""
        if self._connections is not None:
            await self._connections.disconnect()

    async def _run(self, work: Callable[[Storage], Awaitable[T]]) -> T:
        """Work with Redis, if it answers; else with what this process counts."""
        if self._shared is not None and time.monotonic() >= self._shared_again_at:
            try:
                async with asyncio.timeout(self._timeout_seconds):
                    return await work(self._shared)
            except (StorageError, TimeoutError):
                self._shared_again_at = time.monotonic() + REDIS_PAUSE_SECONDS
                _log.warning("Redis does not answer: each process counts for itself")
        return await work(self._own)


async def _seconds_left(store: Storage, key: str) -> float:
    return max(0.0, await store.get_expiry(key) - time.time())


def _connections_to(url: str, timeout_seconds: float) -> ConnectionPool:
    return ConnectionPool.from_url(
        url, socket_timeout=timeout_seconds, socket_connect_timeout=timeout_seconds
    )


def _open_redis(url: str, connections: ConnectionPool) -> Storage:
    return RedisStorage(
        f"async+{url}",
        wrap_exceptions=True,
        implementation="redispy",
        key_prefix="movies",
        connection_pool=connections,  # type: ignore[arg-type]  # Its bridge takes one.
    )
