"""Fetch requests: queueing, listing, cancelling, retrying and following fetches."""

import asyncio
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial

from common.errors import TooManyRequests
from common.executors import CallExecutor
from common.shutdown import ShutdownSignal
from data_fetcher.fetch_queue.queue import FetchQueue
from data_fetcher.omdb.lookups import MovieLookup
from data_layer.entities.fetch import Fetch, FetchQuery
from data_layer.entities.scope import Scope
from data_layer.ports.result_recorder import ResultRecorder, record_nothing
from data_layer.ports.unit_of_work import UnitOfWork
from movies_service.accounts.caller import Caller
from movies_service.rate_limiting.rate_limiter import RateLimiter

POLL_SECONDS = 0.25
"""Interval between reads of a followed fetch."""

FOLLOWERS_MAX = 200
"""Limit of concurrently followed fetches per process, since each one polls the database."""


class RequestFetches:
    """Use cases that request and follow fetches; a `limit` of `None` disables the rate limit."""

    def __init__(
        self,
        fetches: FetchQueue,
        read: CallExecutor,
        write: CallExecutor,
        shutdown: ShutdownSignal,
        limit: RateLimiter | None = None,
    ) -> None:
        self._fetches = fetches
        self._read = read
        self._write = write
        self._shutdown = shutdown
        self._limit = limit
        self._followers = 0

    async def enqueue(
        self,
        lookups: Sequence[MovieLookup],
        by: Caller,
        record: ResultRecorder[tuple[Fetch, ...]] = record_nothing,
    ) -> tuple[Fetch, ...]:
        """Queue fetches, commit, and return them in the order of the lookups.

        A lookup with an open fetch returns that fetch. Callers with the scope `movies:write` have
        no rate limit: the daily OMDb quota bounds them.

        Raises:
            TooManyRequests: the caller's rate limit is exceeded.
            DatabaseUnavailable: nothing was stored.
        """
        if self._limit is not None and not by.covers(Scope.MOVIES_WRITE):
            # `_write` uses a thread on every database; a thousand reads would block the event loop.
            new = await self._write(self._fetches.count_missing, lookups)
            for _each in range(new):
                await self._limit.consume(by.client)
        return await self._write(self._fetches.enqueue, lookups, by.requester, record)

    async def enqueue_one(
        self, lookup: MovieLookup, by: Caller, record: ResultRecorder[Fetch] = record_nothing
    ) -> Fetch:
        """Queue one fetch, commit, and return it; see `enqueue`. The rate limit always applies."""

        def record_first(uow: UnitOfWork, fetches: tuple[Fetch, ...]) -> None:
            record(uow, fetches[0])

        if self._limit is not None:
            new = await self._read(self._fetches.count_missing, [lookup])
            if new:
                await self._limit.consume(by.client)
        fetches = await self._write(self._fetches.enqueue, [lookup], by.requester, record_first)
        return fetches[0]

    async def get(self, fetch_id: int) -> Fetch:
        """Return the fetch with this ID."""
        return await self._read(self._fetches.get, fetch_id)

    async def list(self, query: FetchQuery) -> tuple[Fetch, ...]:
        """Return the matching fetches, newest first."""
        return await self._read(self._fetches.list, query)

    async def retry(
        self, fetch_id: int, by: Caller, record: ResultRecorder[Fetch] = record_nothing
    ) -> Fetch:
        """Queue an unsuccessful fetch again, commit, and return it.

        Raises:
            NotFound: no fetch has this ID.
            Conflict: the fetch succeeded, or a newer fetch of the same movie is open.
        """
        return await self._write(
            self._fetches.retry, fetch_id, partial(_record_change, by, "fetch.retried", record)
        )

    async def cancel(
        self, fetch_id: int, by: Caller, record: ResultRecorder[Fetch] = record_nothing
    ) -> Fetch:
        """Cancel an open fetch, commit, and return it.

        Raises:
            NotFound: no fetch has this ID.
            Conflict: the fetch is finished.
        """
        return await self._write(
            self._fetches.cancel, fetch_id, partial(_record_change, by, "fetch.cancelled", record)
        )

    async def wait(self, fetch: Fetch, seconds: float) -> Fetch:
        """Return the fetch once it is finished, or its state after `seconds` or on shutdown.

        Raises:
            TooManyRequests: too many fetches are followed.
        """
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                async for update in self.follow(fetch):
                    fetch = update
        return fetch

    async def follow(self, fetch: Fetch) -> AsyncGenerator[Fetch]:
        """Yield the fetch, and again after each change, until it is finished or on shutdown.

        Raises:
            TooManyRequests: too many fetches are followed.
        """
        with self._following():
            yield fetch
            while fetch.state.is_open and not self._shutdown.is_set():
                await self._shutdown.wait(POLL_SECONDS)
                current = await self.get(fetch.known_id)
                if current != fetch:
                    fetch = current
                    yield fetch

    @contextmanager
    def _following(self) -> Iterator[None]:
        if self._followers >= FOLLOWERS_MAX:
            raise TooManyRequests(
                "Too many open event streams; retry later.", retry_after_seconds=5
            )
        self._followers += 1
        try:
            yield
        finally:
            self._followers -= 1


def _record_change(
    by: Caller, action: str, record: ResultRecorder[Fetch], uow: UnitOfWork, fetch: Fetch
) -> None:
    by.write_audit(uow, action, f"/fetches/{fetch.id}")
    record(uow, fetch)
