"""Fetch worker: claims fetch jobs, fetches concurrently, and stores outcomes in batches."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from functools import partial
from typing import Any, TypeVar

import structlog

from common.batches import next_batch
from common.errors import (
    DatabaseLimitExceeded,
    DatabaseUnavailable,
    MoviesError,
    UpstreamBadResponse,
)
from common.shutdown import ShutdownSignal
from common.wake_up import WakeUpEvent
from data_fetcher.fetch_queue.completion import CompletedFetch, Outcome
from data_fetcher.fetch_queue.movie_source import MovieSource
from data_fetcher.fetch_queue.queue import FetchQueue
from data_fetcher.omdb.admission import Purpose
from data_layer.entities.fetch import Fetch

POLL_SECONDS = 1.0
"""Interval at which a worker polls for fetches without being woken."""

STOP_SECONDS = 6.0
"""Grace period for requests in progress after the shutdown has started."""

GATHER_SECONDS = 0.1
BATCH_MAX = 50
"""Maximum time and number of outcomes that are gathered for one transaction."""

PURGE_SECONDS = 3_600
"""Interval at which old finished fetches are purged."""

IDLE_SECONDS = 30
"""Pause between two runs of the idle work."""

_BACKOFF_SECONDS = (0.5, 8.0)
"""First and maximum pause while the database is unavailable; it doubles with each failure."""

Result = TypeVar("Result")

_log = structlog.get_logger(__name__)


class FetchWorker:
    """Worker that fetches requested movies until the shutdown. Bound to one event loop.

    Any number of workers share the queue. If one crashes, another one takes over its fetches when
    their leases expire.

    Args:
        wake_up_event: Signals new fetches.
        shutdown: Ends the worker: requests in progress may finish within `STOP_SECONDS`.
        when_idle: Low-priority work, run every `IDLE_SECONDS` concurrently with the fetches.
        poll_seconds: Interval at which the worker polls without being woken.
    """

    def __init__(
        self,
        fetches: FetchQueue,
        source: MovieSource,
        wake_up_event: WakeUpEvent,
        shutdown: ShutdownSignal,
        *,
        when_idle: Callable[[], Awaitable[None]] | None = None,
        poll_seconds: float = POLL_SECONDS,
    ) -> None:
        self._fetches = fetches
        self._source = source
        self._wake_up_event = wake_up_event
        self._when_idle = when_idle
        self._poll_seconds = poll_seconds
        self._shutdown = shutdown
        self._claimed: asyncio.Queue[Fetch] = asyncio.Queue()
        self._outcomes: asyncio.Queue[tuple[Fetch, Outcome]] = asyncio.Queue()
        self._leased: dict[int, Fetch] = {}
        self._has_completed = asyncio.Event()
        self.completed = 0
        """Number of fetches that this worker has completed or requeued."""

    @property
    def leased_count(self) -> int:
        """Number of fetches that this worker has leased."""
        return len(self._leased)

    def wake_up(self) -> None:
        """Wake the worker to claim fetches; thread-safe."""
        self._wake_up_event.set()

    async def run(self) -> None:
        """Run until the shutdown; then complete or release every leased fetch."""
        self._shutdown.on_shutdown(self._wake_up_event.set)
        fetching = [self._spawn(self._fetch_all()) for _ in range(self._source.concurrency)]
        storing = self._spawn(self._store_all())
        others = [self._spawn(self._purge_periodically())]
        if self._when_idle is not None:
            others.append(self._spawn(self._run_idle_work(self._when_idle)))
        try:
            await self._claim_all()
            await self._drain()
        finally:
            await _cancel([*fetching, storing, *others])
            await self._release()

    def _spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        return asyncio.create_task(work)

    async def _claim_all(self) -> None:
        """Claim fetches ahead of demand, so that no slot waits for the database."""
        slots = self._source.concurrency
        while not self._shutdown.is_set():
            pause = self._source.admission.seconds_until_admitted(Purpose.BACKGROUND)
            claimed: tuple[Fetch, ...] = ()
            if not pause and self._claimed.qsize() < 2 * slots:
                claimed = await self._claim(4 * slots)
            for fetch in claimed:
                self._leased[fetch.known_id] = fetch
                self._claimed.put_nowait(fetch)
            if not claimed:
                await self._wake_up_event.wait(min(pause, self._poll_seconds) or self._poll_seconds)

    async def _claim(self, limit: int) -> tuple[Fetch, ...]:
        try:
            return await self._retry_until_available(partial(self._fetches.claim, limit)) or ()
        except Exception:  # noqa: BLE001 - An unexpected error must not end the worker.
            _log.exception("fetch_claim_failed")
            return ()

    async def _fetch_all(self) -> None:
        """Fetch movies one after the other; `concurrency` such loops run concurrently."""
        while True:
            fetch = await self._claimed.get()
            self._outcomes.put_nowait((fetch, await self._source.outcome(fetch)))
            if self._claimed.qsize() < 2 * self._source.concurrency:
                self._wake_up_event.set()

    async def _store_all(self) -> None:
        """Store outcomes as they arrive, several in one transaction.

        While more requests are in progress, up to `BATCH_MAX` outcomes are gathered: a transaction
        of fifty movies takes little longer than one of five.
        """
        while True:
            size = min(BATCH_MAX, self.leased_count)
            await self._complete(await next_batch(self._outcomes, size, GATHER_SECONDS))

    async def _complete(self, batch: list[tuple[Fetch, Outcome]]) -> None:
        """Store outcomes; if a batch fails, store each one separately."""
        try:
            done = await self._store(batch)
        except Exception as error:  # noqa: BLE001 - As above.
            if len(batch) > 1:
                for entry in batch:
                    await self._complete([entry])
                return
            done = await self._complete_single(batch[0], error)
        for fetch, _outcome in batch:
            self._leased.pop(fetch.known_id, None)
        self._has_completed.set()
        for completed in done:
            self.completed += 1
            _log_completed(completed.fetch)

    async def _complete_single(
        self, entry: tuple[Fetch, Outcome], error: Exception
    ) -> tuple[CompletedFetch, ...]:
        """Store a fetch whose outcome can't be stored as failed."""
        fetch, _outcome = entry
        failure: MoviesError
        if isinstance(error, DatabaseLimitExceeded):
            failure = error
        else:
            _log.error("movie_store_failed", fetch=f"/fetches/{fetch.id}", exc_info=error)
            failure = UpstreamBadResponse(
                "The movie could not be stored: internal error, see the log."
            )
        try:
            return await self._store([(fetch, failure)])
        except Exception:  # noqa: BLE001 - As above.
            _log.exception("fetch_abandoned_until_lease_expiry")
            return ()

    async def _store(self, batch: list[tuple[Fetch, Outcome]]) -> tuple[CompletedFetch, ...]:
        pause = self._source.admission.seconds_until_admitted(Purpose.BACKGROUND)
        complete = partial(self._fetches.complete, batch, seconds_until_admitted=pause)
        return await self._retry_until_available(complete) or ()

    async def _drain(self) -> None:
        """Release the fetches that were not started, and wait for those in progress."""
        not_started = []
        while not self._claimed.empty():
            not_started.append(self._claimed.get_nowait())
        for fetch in not_started:
            del self._leased[fetch.known_id]
        await self._retry_until_available(lambda: self._fetches.release(not_started))
        with suppress(TimeoutError):
            async with asyncio.timeout(STOP_SECONDS):
                while self._leased:
                    self._has_completed.clear()
                    await self._has_completed.wait()

    async def _release(self) -> None:
        """Release the fetches that could not be completed."""
        unfinished = list(self._leased.values())
        if unfinished:
            with suppress(DatabaseUnavailable):
                await asyncio.to_thread(self._fetches.release, unfinished)
            _log.warning("leases_released_on_shutdown", fetches=len(unfinished))

    async def _purge_periodically(self) -> None:
        while True:
            await self._retry_until_available(self._fetches.purge)
            await asyncio.sleep(PURGE_SECONDS)

    async def _run_idle_work(self, work: Callable[[], Awaitable[None]]) -> None:
        while not self._shutdown.is_set():
            try:
                await work()
            except MoviesError as error:
                _log.warning("movie_refresh_failed", reason=error.message)
            await self._shutdown.wait(IDLE_SECONDS)

    async def _retry_until_available(self, call: Callable[[], Result]) -> Result | None:
        """Call until the database is available; return None once the shutdown has started."""
        pause, pause_max = _BACKOFF_SECONDS
        while True:
            try:
                return await asyncio.to_thread(call)
            except DatabaseUnavailable as error:
                _log.warning("database_unavailable_retrying", reason=error.message, seconds=pause)
                if self._shutdown.is_set():
                    return None
            await self._shutdown.wait(pause)
            pause = min(2 * pause, pause_max)


async def _cancel(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def _log_completed(fetch: Fetch) -> None:
    """Log a finished fetch; why fetches are back in the queue was logged once, for all of them."""
    if not fetch.state.is_open:
        _log.info(
            "fetch_completed",
            fetch=f"/fetches/{fetch.id}",
            state=fetch.state.value,
            error=fetch.error_code,
        )
