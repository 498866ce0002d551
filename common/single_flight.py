"""One call for many who want the same at the same time."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar

T = TypeVar("T")


class SingleFlight(Generic[T]):
    """Lets calls that run at the same time under one key share one result, or one error.

    Nothing is kept once a call has ended. For one event loop.
    """

    def __init__(self) -> None:
        self._flights: dict[Hashable, asyncio.Task[T]] = {}

    async def run(self, key: Hashable, call: Callable[[], Awaitable[T]]) -> tuple[T, bool]:
        """Return the result of `call`, and whether it was this caller's own.

        A caller that is cancelled leaves the call running for the others.

        Raises:
            Exception: whatever `call` raised, to each of the callers.
        """
        flight = self._flights.get(key)
        is_own = flight is None
        if flight is None:
            flight = asyncio.ensure_future(_as_coroutine(call))
            self._flights[key] = flight
            flight.add_done_callback(lambda _: self._flights.pop(key))
        return await asyncio.shield(flight), is_own


async def _as_coroutine(call: Callable[[], Awaitable[T]]) -> T:
    return await call()
