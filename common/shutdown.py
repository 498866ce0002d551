"""That the service is about to stop: those who are kept waiting are let go at once."""

import asyncio
from collections.abc import Callable
from contextlib import suppress


class Stopping:
    """Is set once, from a signal's handler or from the event loop that waits for it."""

    def __init__(self) -> None:
        self.is_set = False
        self._told: asyncio.Future[None] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._calls: list[Callable[[], None]] = []

    def call(self, call: Callable[[], None]) -> None:
        """Have `call` called when it is set; from the event loop."""
        self._loop = asyncio.get_running_loop()
        self._calls.append(call)

    def set(self) -> None:
        """Say that the service is about to stop."""
        self.is_set = True
        if self._loop is not None:
            with suppress(RuntimeError):  # The loop has ended already.
                self._loop.call_soon_threadsafe(self._tell)

    async def wait(self, seconds: float) -> None:
        """Return when it is set, or after so many seconds."""
        if self._told is None:
            self._told = asyncio.get_running_loop().create_future()
        await asyncio.wait([self._told], timeout=seconds)

    def _tell(self) -> None:
        if self._told is not None and not self._told.done():
            self._told.set_result(None)
        for call in self._calls:
            call()
