"""Executors for calls of the synchronous data layer: in the event loop, or in threads."""

import asyncio
import contextvars
import functools
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, Protocol, TypeVar

from common.errors import DatabaseUnavailable

P = ParamSpec("P")
T = TypeVar("T")


class CallExecutor(Protocol):
    """Runner of synchronous calls that passes on their result or exception."""

    def __call__(self, call: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Awaitable[T]:
        """Return an awaitable of the call's result."""
        ...


async def run_inline(call: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
    """Run the call in the event loop; for reads that are shorter than a thread switch."""
    return call(*args, **kwargs)


class ThreadPoolCallExecutor:
    """Thread pool for calls that may block, so that the event loop keeps running.

    Args:
        threads: Maximum number of concurrent calls; further ones are queued.
        deadline_seconds: Time after which a caller stops waiting, the queue included.
    """

    def __init__(self, threads: int, deadline_seconds: float) -> None:
        self._executor = ThreadPoolExecutor(threads, thread_name_prefix="database")
        self._deadline_seconds = deadline_seconds

    async def __call__(self, call: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Run the call in a thread, with the caller's context variables.

        Raises:
            DatabaseUnavailable: The deadline has passed. A running call may still succeed.
        """
        bound = functools.partial(contextvars.copy_context().run, call, *args, **kwargs)
        running = asyncio.get_running_loop().run_in_executor(self._executor, bound)
        try:
            async with asyncio.timeout(self._deadline_seconds):
                return await running
        except TimeoutError:
            raise DatabaseUnavailable(
                "The database did not respond in time: if the request was a change, check whether"
                " it was applied.",
                retry_after_seconds=1,
            ) from None

    def close(self) -> None:
        """Cancel queued calls and reject further ones, without waiting for running calls."""
        self._executor.shutdown(wait=False, cancel_futures=True)
