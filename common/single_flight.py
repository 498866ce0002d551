"""Deduplication of concurrent calls."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar

from common.errors import TooManyRequests

T = TypeVar("T")


class SingleFlight(Generic[T]):
    """Deduplicator of concurrent calls: calls with the same key share one result or exception.

    A result is dropped as soon as its call has ended. A rate limit concerns only the caller that
    exceeded it: each of the others makes its own call. For one event loop.
    """

    def __init__(self) -> None:
        self._flights: dict[Hashable, asyncio.Task[T]] = {}

    async def run(self, key: Hashable, call: Callable[[], Awaitable[T]]) -> tuple[T, bool]:
        """Run `call`, or join the running call of this key.

        A cancelled caller does not cancel the call, which continues for the others.

        Returns:
            The result, and whether a call of this caller returned it.

        Raises:
            Exception: The exception of `call`, raised in every caller that joined it.
        """
        if (flight := self._flights.get(key)) is not None:
            try:
                return await asyncio.shield(flight), False
            except TooManyRequests:
                # Joining another flight would wake each of n refused callers up to n times.
                return await call(), True
        flight = asyncio.ensure_future(_as_coroutine(call))
        self._flights[key] = flight
        flight.add_done_callback(lambda _: self._flights.pop(key))
        return await asyncio.shield(flight), True


async def _as_coroutine(call: Callable[[], Awaitable[T]]) -> T:
    return await call()
