"""Shutdown signal for threads and event loops, and the forced exit of a process.

Cloud Run kills a process 10 seconds after SIGTERM; this project stops within 8.
"""

import asyncio
import math
import os
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial

ABORT_SECONDS = 6.0
"""Time after which the running transaction of a thread is aborted."""

END_SECONDS = 7.0
"""Time after which a thread is no longer waited for."""

EXIT_SECONDS = 7.5
"""Time after which the process is forced to exit."""


class ShutdownSignal:
    """Signal to threads and coroutines of one event loop that the process shuts down.

    It is triggered once, from any thread or a signal handler.
    """

    def __init__(self) -> None:
        self._triggered_at = math.inf
        self._event = threading.Event()
        self._waiter: asyncio.Future[None] | None = None
        self._callbacks: list[Callable[[], None]] = []

    def trigger(self) -> None:
        """Start the shutdown: no further transaction may start."""
        if self._triggered_at < math.inf:
            return
        self._triggered_at = time.monotonic()
        self._event.set()
        for callback in tuple(self._callbacks):
            callback()

    def is_set(self) -> bool:
        """Return whether the shutdown has started."""
        return self._event.is_set()

    def is_deadline_exceeded(self) -> bool:
        """Return whether the running transaction has to be aborted, too."""
        return time.monotonic() - self._triggered_at > ABORT_SECONDS

    def seconds_left(self) -> float:
        """Return the seconds for which a thread may still be waited for, at least 0."""
        return max(0, self._triggered_at + END_SECONDS - time.monotonic())

    def on_shutdown(self, callback: Callable[[], None]) -> None:
        """Register a callback that the running event loop calls once the shutdown has started."""
        loop = asyncio.get_running_loop()

        def schedule() -> None:
            with suppress(RuntimeError):  # The loop is closed: nothing is left to stop.
                loop.call_soon_threadsafe(callback)

        self._callbacks.append(schedule)
        if self.is_set():
            schedule()

    async def wait(self, seconds: float) -> None:
        """Return when the shutdown starts, or after `seconds`."""
        if self._waiter is None:
            self._waiter = asyncio.get_running_loop().create_future()
            self.on_shutdown(partial(self._waiter.set_result, None))
        await asyncio.wait([self._waiter], timeout=seconds)

    def wait_in_thread(self, seconds: float) -> None:
        """Return when the shutdown starts, or after `seconds`; not for the main thread.

        A signal handler that triggers the shutdown in a waiting thread could deadlock.
        """
        self._event.wait(seconds)


def force_exit_after(seconds: float, exit_code: int) -> None:
    """End the process after `seconds`, even if a thread blocks on a database or bucket."""
    timer = threading.Timer(seconds, os._exit, [exit_code])
    timer.daemon = True
    timer.start()
