"""Where calls of the synchronous data layer run: in the event loop, or in threads."""

import asyncio
import contextvars
import functools
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, Protocol, TypeVar

from common.errors import DatabaseUnavailable

P = ParamSpec("P")
T = TypeVar("T")


class Run(Protocol):
    """Runs a synchronous call and gives what it returns, or raises what it raises."""

    def __call__(self, call: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Awaitable[T]:
        """Return the awaitable of the call's result."""
        ...


async def run_inline(call: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
    """Run the call at once: for reads so short that a thread would cost more."""
    return call(*args, **kwargs)


class InThreads:
    """Runs calls in threads of their own, so that the event loop goes on: for all that may wait.

    Args:
        threads: how many calls run at once; others wait.
        deadline_seconds: when nobody waits for a call any longer.
    """

    def __init__(self, threads: int, deadline_seconds: float) -> None:
        self._executor = ThreadPoolExecutor(threads, thread_name_prefix="database")
        self._deadline_seconds = deadline_seconds

    async def __call__(self, call: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a call.

        Raises:
            DatabaseUnavailable: the deadline has passed. The call itself may still succeed.
        """
        bound = functools.partial(contextvars.copy_context().run, call, *args, **kwargs)
        running = asyncio.get_running_loop().run_in_executor(self._executor, bound)
        try:
            async with asyncio.timeout(self._deadline_seconds):
                return await running
        except TimeoutError:
            raise DatabaseUnavailable(
                "The database did not answer in time: if you changed something, look whether it"
                " was done.",
                retry_after_seconds=1,
            ) from None

    def close(self) -> None:
        """Let no further call begin, and wait for none: threads that are stuck stay so."""
        self._executor.shutdown(wait=False, cancel_futures=True)
