"""Where calls of the synchronous data layer run: in the event loop, or in a thread."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import ParamSpec, Protocol, TypeVar

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


async def run_in_thread(call: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
    """Run the call in a thread, so that the event loop goes on: for all that may wait."""
    return await asyncio.to_thread(call, *args, **kwargs)
