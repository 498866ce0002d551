"""Wake-up event for a worker in an event loop."""

import asyncio
from contextlib import suppress


class WakeUpEvent:
    """Event that any thread can set and one event loop waits for.

    Several calls of `set` before a `wait` count as one.
    """

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._event = asyncio.Event()

    def set(self) -> None:
        """Wake the worker. Safe to call from any thread."""
        with suppress(RuntimeError):  # The loop is closed: no worker is left.
            self._loop.call_soon_threadsafe(self._event.set)

    async def wait(self, seconds: float) -> None:
        """Return when the event is set, or after `seconds`; clear the event."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._event.wait()
        self._event.clear()
