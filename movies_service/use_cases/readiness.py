"""Readiness of the service: whether its database can be read, and accepts writes."""

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from common.errors import DatabaseBusy, DatabaseUnavailable, Unavailable, UpstreamUnauthorized
from data_layer.entities.movie_query import MovieQuery
from data_layer.ports.unit_of_work import UnitOfWorkFactory

FRESH_SECONDS = 1.0
"""Time after the start of a check for which its result is reused."""

READ_MAX_SECONDS = 2.0
"""Longest time to wait for a read; a longer one means that the service is not ready."""

WRITE_MAX_SECONDS = 0.5
"""Longest time to wait for a write; a longer one means that writes wait for the write lock."""


class Readiness:
    """Readiness, with a read and a write checked at intervals. For one event loop.

    A write lock that another process holds, such as an import, does not end readiness: reads are
    served meanwhile.

    Args:
        check_reads: raises `Unavailable` with the reason if reads fail; may block.
        check_writes: raises `DatabaseUnavailable` with the reason if writes fail; may block.
        clock: monotonic time in seconds.
    """

    def __init__(
        self,
        check_reads: Callable[[], None],
        check_writes: Callable[[], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._reads = _Check(check_reads, clock)
        self._writes = _Check(check_writes, clock)

    async def require(self) -> bool:
        """Return whether writes are accepted at once, if the service is ready; else they wait.

        Raises:
            Unavailable: the reason why it is not ready.
        """
        reads, writes = self._reads.start(), self._writes.start()
        await asyncio.wait([reads], timeout=READ_MAX_SECONDS)
        if not reads.done():
            raise DatabaseUnavailable(
                "The database did not respond within 2 seconds.", retry_after_seconds=1
            )
        if (error := reads.result()) is not None:
            raise error
        await asyncio.wait([writes], timeout=WRITE_MAX_SECONDS)
        error = writes.result() if writes.done() else DatabaseBusy("The write lock is held.")
        if error is not None and not isinstance(error, DatabaseBusy):
            raise error
        return error is None

    def close(self) -> None:
        """Reject further checks, without waiting for a running one."""
        self._reads.close()
        self._writes.close()


class _Check:
    """Check that runs at most once at a time, in a thread of its own.

    Writers that wait for a lock can occupy all other threads.
    """

    def __init__(self, check: Callable[[], None], clock: Callable[[], float]) -> None:
        self._check = check
        self._clock = clock
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="readiness")
        self._started_at = float("-inf")
        self._result: asyncio.Future[Unavailable | None] | None = None

    def start(self) -> asyncio.Future[Unavailable | None]:
        """Return the result of the running check or of a recent one; else start a check."""
        is_stale = self._clock() - self._started_at >= FRESH_SECONDS
        if self._result is None or (is_stale and self._result.done()):
            self._started_at = self._clock()
            self._result = asyncio.get_running_loop().run_in_executor(self._executor, self._run)
        return self._result

    def close(self) -> None:
        self._executor.shutdown(wait=False)

    def _run(self) -> Unavailable | None:
        try:
            self._check()
        except Unavailable as error:
            return error
        return None


def require_seedable(unit_of_work: UnitOfWorkFactory) -> None:
    """Raise if the catalogue is still empty because OMDb rejected the API key while seeding.

    Raises:
        Unavailable: The reason.
    """
    with unit_of_work(is_read_only=True) as uow:
        upstream = uow.upstream_state.find()
        if upstream is None or upstream.error_code != UpstreamUnauthorized.code:
            return
        if uow.fetches.list_seeds() and not uow.movies.list(MovieQuery(limit=1)).movies:
            raise Unavailable(f"No movie is stored yet. {upstream.error_message}")
