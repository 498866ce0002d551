"""Fetch requests: queueing, listing, cancelling, retrying and following fetches."""

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial

from common.errors import MoviesError, TooManyRequests
from common.executors import CallExecutor
from common.shutdown import ShutdownSignal
from data_fetcher.fetch_queue.deduplication_key import deduplication_key
from data_fetcher.fetch_queue.queue import FetchQueue
from data_fetcher.omdb.lookups import MovieLookup
from data_layer.entities.fetch import Fetch, FetchQuery
from data_layer.entities.scope import Scope
from data_layer.ports.result_recorder import ResultRecorder, record_nothing
from data_layer.ports.unit_of_work import UnitOfWork
from movies_service.accounts.caller import Caller
from movies_service.use_cases.omdb_allowance import UNLIMITED, OmdbAllowance

POLL_SECONDS = 0.25
"""Interval between reads of a followed fetch."""

BULK_LOOKUPS_MIN = 21
"""Number of lookups from which a request of fetches is a bulk request."""

BULK_REQUESTS_MAX = 2
"""Limit of concurrent bulk requests per process, one for each client.

Each one keeps the interpreter busy for tens of milliseconds, and a writing thread with it.
"""

FOLLOWERS_MAX = 200
"""Limit of concurrently followed fetches per process, since each one polls the database."""

FOLLOWERS_PER_CLIENT_MAX = 10
"""Limit of concurrently followed fetches per client address and process."""


@dataclass(frozen=True, slots=True)
class RequestedFetches:
    """The fetches of accepted lookups in their order, and the lookups beyond the rate limit."""

    fetches: tuple[Fetch, ...]
    not_accepted: tuple[MovieLookup, ...] = ()
    retry_after_seconds: int = 0
    """Time until the rate limit admits further lookups."""


class RequestFetches:
    """Use cases that request and follow fetches."""

    def __init__(
        self,
        fetches: FetchQueue,
        read: CallExecutor,
        write: CallExecutor,
        shutdown: ShutdownSignal,
        allowance: OmdbAllowance = UNLIMITED,
    ) -> None:
        self._fetches = fetches
        self._read = read
        self._write = write
        self._shutdown = shutdown
        self._allowance = allowance
        self._followers: Counter[str] = Counter()
        self._bulk_requests: Counter[str] = Counter()

    async def enqueue(
        self,
        lookups: Sequence[MovieLookup],
        by: Caller,
        record: ResultRecorder[RequestedFetches] = record_nothing,
    ) -> RequestedFetches:
        """Queue fetches, commit, and return them in the order of the lookups.

        A lookup with an open fetch returns that fetch. Of the others, as many are accepted as the
        caller's rate limit and share of the quota admit. Callers with the scope `movies:write`
        have no limit: the daily OMDb quota bounds them.

        Raises:
            TooManyRequests: none of the lookups is accepted.
            DatabaseUnavailable: nothing was stored.
        """
        is_limited = self._allowance != UNLIMITED and not by.covers(Scope.MOVIES_WRITE)
        return await self._enqueue(lookups, by, record, is_limited=is_limited)

    @contextmanager
    def admitted(self, lookups: int, by: Caller) -> Iterator[None]:
        """Count a request with this number of lookups during the context, if it is a bulk request.

        Raises:
            TooManyRequests: the caller has a bulk request in progress, or too many others have.
        """
        if lookups < BULK_LOOKUPS_MIN:
            yield
            return
        if by.client in self._bulk_requests or self._bulk_requests.total() >= BULK_REQUESTS_MAX:
            raise TooManyRequests(
                "Other requests of many movies are in progress: retry after the time in"
                " Retry-After.",
                retry_after_seconds=1,
            )
        with _counted(self._bulk_requests, by.client):
            yield

    async def enqueue_one(
        self, lookup: MovieLookup, by: Caller, record: ResultRecorder[Fetch] = record_nothing
    ) -> Fetch:
        """Queue one fetch, commit, and return it; see `enqueue`. The rate limit always applies."""

        def record_first(uow: UnitOfWork, requested: RequestedFetches) -> None:
            record(uow, requested.fetches[0])

        is_limited = self._allowance != UNLIMITED
        requested = await self._enqueue([lookup], by, record_first, is_limited=is_limited)
        return requested.fetches[0]

    async def _enqueue(
        self,
        lookups: Sequence[MovieLookup],
        by: Caller,
        record: ResultRecorder[RequestedFetches],
        *,
        is_limited: bool,
    ) -> RequestedFetches:
        """Queue as many fetches as the limits admit; lookups that are not accepted cost nothing."""
        accepted, consumed, retry_after_seconds = tuple(lookups), 0, 0
        not_accepted: tuple[MovieLookup, ...] = ()
        if is_limited:
            # `_write` uses a thread on every database; a thousand reads would block the event loop.
            missing = await self._write(self._fetches.find_missing, lookups)
            consumed, refusal = await self._allowance.consume_up_to(by, len(missing))
            if refusal is not None:
                accepted, not_accepted = _partition(lookups, frozenset(missing[consumed:]))
                retry_after_seconds = refusal.retry_after_seconds or 0
                if not accepted:
                    raise refusal

        def record_all(uow: UnitOfWork, fetches: tuple[Fetch, ...]) -> None:
            record(uow, RequestedFetches(fetches, not_accepted, retry_after_seconds))

        try:
            fetches = await self._write(self._fetches.enqueue, accepted, by.requester, record_all)
        except MoviesError:
            if is_limited:
                self._allowance.give_back(by, consumed)
            raise
        return RequestedFetches(fetches, not_accepted, retry_after_seconds)

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

    async def wait(self, fetch: Fetch, seconds: float, address: str) -> Fetch:
        """Return the fetch once it is finished, or its state after `seconds` or on shutdown.

        Raises:
            TooManyRequests: too many fetches are followed, from this address or in all.
        """
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                async for update in self.follow(fetch, address):
                    fetch = update
        return fetch

    async def follow(self, fetch: Fetch, address: str) -> AsyncGenerator[Fetch]:
        """Yield the fetch, and again after each change, until it is finished or on shutdown.

        Raises:
            TooManyRequests: too many fetches are followed, from this address or in all.
        """
        self.require_free_follower(address)
        with _counted(self._followers, address):
            yield fetch
            while fetch.state.is_open and not self._shutdown.is_set():
                await self._shutdown.wait(POLL_SECONDS)
                current = await self.get(fetch.known_id)
                if current != fetch:
                    fetch = current
                    yield fetch

    def require_free_follower(self, address: str) -> None:
        """Require that `follow` would begin now.

        Raises:
            TooManyRequests: too many fetches are followed, from this address or in all.
        """
        if self._followers[address] >= FOLLOWERS_PER_CLIENT_MAX:
            raise TooManyRequests(
                f"This address follows {FOLLOWERS_PER_CLIENT_MAX} fetches already, as event"
                " streams or with Prefer: wait; end one of them first.",
                retry_after_seconds=5,
            )
        if self._followers.total() >= FOLLOWERS_MAX:
            raise TooManyRequests(
                "Too many open event streams; retry later.", retry_after_seconds=5
            )


@contextmanager
def _counted(counter: Counter[str], client: str) -> Iterator[None]:
    """Count the client during the context."""
    counter[client] += 1
    try:
        yield
    finally:
        counter[client] -= 1
        if not counter[client]:
            del counter[client]


def _partition(
    lookups: Sequence[MovieLookup], refused: Collection[bytes]
) -> tuple[tuple[MovieLookup, ...], tuple[MovieLookup, ...]]:
    """Return the lookups without those that have a refused deduplication key, and these."""
    parts: dict[bool, list[MovieLookup]] = {False: [], True: []}
    for lookup in lookups:
        parts[deduplication_key(lookup) in refused].append(lookup)
    return tuple(parts[False]), tuple(parts[True])


def _record_change(
    by: Caller, action: str, record: ResultRecorder[Fetch], uow: UnitOfWork, fetch: Fetch
) -> None:
    by.write_audit(uow, action, f"/fetches/{fetch.id}")
    record(uow, fetch)
