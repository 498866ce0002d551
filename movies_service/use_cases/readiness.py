"""Readiness of the service: whether its database accepts reads and writes."""

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from common.errors import DatabaseUnavailable

FRESH_SECONDS = 1.0
"""Time after the start of a check for which its result is reused."""

WAIT_MAX_SECONDS = 2.0
"""Longest time to wait for a check; a longer one means that the service is not ready."""


class Readiness:
    """Readiness, checked at most once at a time in a thread of its own. For one event loop.

    Writers that wait for a lock can occupy all other threads.

    Args:
        check: raises `DatabaseUnavailable` with the reason if reads or writes fail; may block.
        clock: monotonic time in seconds.
    """

    def __init__(
        self, check: Callable[[], None], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._check = check
        self._clock = clock
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="readiness")
        self._started_at = float("-inf")
        self._result: asyncio.Future[DatabaseUnavailable | None] | None = None

    async def require(self) -> None:
        """Return if the service is ready.

        Raises:
            DatabaseUnavailable: the reason why it is not.
        """
        is_stale = self._clock() - self._started_at >= FRESH_SECONDS
        if self._result is None or (is_stale and self._result.done()):
            self._started_at = self._clock()
            self._result = asyncio.get_running_loop().run_in_executor(self._executor, self._run)
        result = self._result
        await asyncio.wait([result], timeout=WAIT_MAX_SECONDS)
        if not result.done():
            raise DatabaseUnavailable(
                "A write could not start within 2 seconds: another process holds the write lock of"
                " the database, or the database does not respond.",
                retry_after_seconds=1,
            )
        if (error := result.result()) is not None:
            raise error

    def close(self) -> None:
        """Reject further checks, without waiting for a running one."""
        self._executor.shutdown(wait=False)

    def _run(self) -> DatabaseUnavailable | None:
        try:
            self._check()
        except DatabaseUnavailable as error:
            return error
        return None
