"""Wishing for films without waiting for them."""

import asyncio
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial

from common.errors import TooManyRequests
from common.executors import Run
from common.shutdown import Stopping
from data_fetcher.fetch_queue.queue import Fetches
from data_fetcher.omdb.lookups import Wish
from data_layer.entities.fetch import Fetch, FetchQuery
from data_layer.entities.scope import Scope
from data_layer.ports.unit_of_work import UnitOfWork
from movies_service.accounts.caller import Caller
from movies_service.rate_limiting.rate_limiter import RateLimit

LOOK_SECONDS = 0.25
"""How often is looked how far a wish is."""

FOLLOWERS_MAX = 200
"""How many may follow wishes at once, in each process: each of them has the database asked."""


class FetchMovies:
    """The wishes, for those who make and follow them.

    Args:
        fetches: the wishes.
        read: runs what only reads the database.
        write: runs what waits for other writers.
        stopping: tells when nobody may be kept waiting any more.
        limit: how often one caller may have OMDb asked.
    """

    def __init__(
        self,
        fetches: Fetches,
        read: Run,
        write: Run,
        stopping: Stopping,
        limit: RateLimit | None = None,
    ) -> None:
        self._fetches = fetches
        self._read = read
        self._write = write
        self._stopping = stopping
        self._limit = limit
        self._followers = 0

    async def wish(self, wishes: Sequence[Wish], by: Caller) -> tuple[Fetch, ...]:
        """Return the wishes, stored or joined, in their order.

        Raises:
            TooManyRequests: the caller has wished too often. Who may change films may wish for
                as many as they like: the day's quota is the bound.
            DatabaseUnavailable: nothing was stored.
        """
        if self._limit is not None and not by.covers(Scope.MOVIES_WRITE):
            # In a thread on every database: a thousand reads are not short.
            new = await self._write(self._fetches.count_new, wishes)
            for _each in range(new):
                await self._limit.take(by.client)
        return await self._write(self._fetches.wish, wishes, by.wisher, by.keep)

    async def wish_one(self, wish: Wish, by: Caller) -> Fetch:
        """Return the wish for one film, stored or joined; see `wish`."""

        def keep(uow: UnitOfWork, fetches: tuple[Fetch, ...]) -> None:
            by.keep(uow, fetches[0])

        if self._limit is not None:
            new = await self._read(self._fetches.count_new, [wish])
            if new:
                await self._limit.take(by.client)
        fetches = await self._write(self._fetches.wish, [wish], by.wisher, keep)
        return fetches[0]

    async def get(self, fetch_id: int) -> Fetch:
        """Return the wish with this id.

        Raises:
            NotFound: there is none.
        """
        return await self._read(self._fetches.get, fetch_id)

    async def list(self, query: FetchQuery) -> tuple[Fetch, ...]:
        """Return the wishes that are asked for, newest first."""
        return await self._read(self._fetches.list, query)

    async def retry(self, fetch_id: int, by: Caller) -> Fetch:
        """Have a wish tried again that came to nothing.

        Raises:
            NotFound: there is none.
            Conflict: it was fetched, or a newer wish for the same is open.
        """
        return await self._write(self._fetches.retry, fetch_id, partial(_note, by, "fetch.retried"))

    async def cancel(self, fetch_id: int, by: Caller) -> Fetch:
        """Take a wish back.

        Raises:
            NotFound: there is none.
            Conflict: it is done.
        """
        return await self._write(
            self._fetches.cancel, fetch_id, partial(_note, by, "fetch.cancelled")
        )

    async def wait(self, fetch: Fetch, seconds: float) -> Fetch:
        """Return the wish when it is done, or as it is after so many seconds.

        Raises:
            TooManyRequests: too many wait.
        """
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                async for each in self.follow(fetch):
                    fetch = each
        return fetch

    async def follow(self, fetch: Fetch) -> AsyncGenerator[Fetch]:
        """Give the wish, and again each time that it has changed, until it is done.

        Raises:
            TooManyRequests: too many follow.
        """
        with self._following():
            yield fetch
            while fetch.state.is_open and not self._stopping.is_set:
                await self._stopping.wait(LOOK_SECONDS)
                now = await self.get(fetch.known_id)
                if now != fetch:
                    fetch = now
                    yield fetch

    @contextmanager
    def _following(self) -> Iterator[None]:
        if self._followers >= FOLLOWERS_MAX:
            raise TooManyRequests("Too many follow fetches at the moment.", retry_after_seconds=5)
        self._followers += 1
        try:
            yield
        finally:
            self._followers -= 1


def _note(by: Caller, action: str, uow: UnitOfWork, fetch: Fetch) -> None:
    by.note(uow, action, f"/fetches/{fetch.id}")
    by.keep(uow, fetch)
