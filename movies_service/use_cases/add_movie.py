"""Adding a movie: returned from the catalogue, or fetched from OMDb and stored."""

import asyncio
import dataclasses
from dataclasses import dataclass

from common.clock import utc_now
from common.errors import Conflict, MoviesError, UpstreamTimeout, restore_error
from common.executors import CallExecutor
from common.single_flight import SingleFlight
from data_fetcher.fetch_queue.completion import CompletedFetch, Outcome
from data_fetcher.fetch_queue.deduplication_key import deduplication_key, find_movie
from data_fetcher.fetch_queue.queue import FetchQueue, StartedFetch
from data_fetcher.omdb.admission import FetchMovie, Purpose
from data_fetcher.omdb.lookups import MovieLookup
from data_layer.entities.fetch import Fetch, FetchState
from data_layer.entities.movie import StoredMovie
from data_layer.ports.result_recorder import ResultRecorder, record_nothing
from data_layer.ports.unit_of_work import UnitOfWork, UnitOfWorkFactory
from movies_service.accounts.caller import Caller
from movies_service.use_cases.omdb_allowance import UNLIMITED, OmdbAllowance

JOIN_SECONDS = 10.0
"""Timeout for another process that fetches the same movie; longer than an interactive fetch."""

_POLL_MIN_SECONDS, _POLL_MAX_SECONDS = 0.02, 0.25
"""First and longest interval between reads of the other process's fetch; doubled each time."""


@dataclass(frozen=True, slots=True)
class AddedMovie:
    """A requested movie, and whether this request added it."""

    movie: StoredMovie
    is_new: bool
    revision: int
    """A catalogue revision that contains the movie."""


class AddMovie:
    """Use case that adds a movie on demand.

    Args:
        fetch_movie: Fetches one movie from OMDb.
        execute: Executes a function that uses the database, in a thread if it may wait.
        allowance: Limits of the OMDb requests that a caller causes.
    """

    def __init__(
        self,
        unit_of_work: UnitOfWorkFactory,
        fetches: FetchQueue,
        fetch_movie: FetchMovie,
        execute: CallExecutor,
        allowance: OmdbAllowance = UNLIMITED,
    ) -> None:
        self._unit_of_work = unit_of_work
        self._fetches = fetches
        self._fetch_movie = fetch_movie
        self._execute = execute
        self._allowance = allowance
        self._flights: SingleFlight[AddedMovie] = SingleFlight()

    async def run(
        self,
        lookup: MovieLookup,
        by: Caller,
        record: ResultRecorder[AddedMovie] = record_nothing,
    ) -> AddedMovie:
        """Return the movie; if the catalogue lacks it, fetch it, store it and commit.

        Concurrent requests for the same movie, in any process, cause one request to OMDb; one of
        them returns `is_new`. `record` stores the result in the transaction of the movie.

        Raises:
            NotFound: OMDb does not have the movie, possibly according to the negative cache.
            TooManyRequests: the caller's rate limit is exceeded. Stored movies, open fetches and
                the negative cache do not count.
            Conflict: the fetch was cancelled.
            UpstreamUnavailable: OMDb failed; nothing was stored.
            UpstreamTimeout: another process did not finish its fetch in time.
            DatabaseUnavailable: nothing was stored.
        """
        added, is_own = await self._flights.run(
            deduplication_key(lookup), lambda: self._add(lookup, by, record)
        )
        return added if is_own else dataclasses.replace(added, is_new=False)

    async def find(self, lookup: MovieLookup) -> AddedMovie | None:
        """Return the movie from the catalogue, or `None`."""
        return await self._execute(self._find, lookup)

    async def _add(
        self, lookup: MovieLookup, by: Caller, record: ResultRecorder[AddedMovie]
    ) -> AddedMovie:
        if (stored := await self.find(lookup)) is not None:
            return stored
        # Neither the negative cache nor a fetch that exists costs the caller a request.
        is_counted = bool(await self._execute(self._fetches.find_missing, [lookup]))
        if is_counted:
            await self._allowance.consume(by)
        try:
            return await self._fetch_or_join(lookup, by, record)
        except MoviesError as error:
            if is_counted and error.is_refusal:
                self._allowance.give_back_share(by)
            raise

    async def _fetch_or_join(
        self, lookup: MovieLookup, by: Caller, record: ResultRecorder[AddedMovie]
    ) -> AddedMovie:
        while True:
            started = await self._execute(self._fetches.start_or_join, lookup, by.requester)
            if started.is_owner:
                added = await self._fetch(started, lookup, record)
                if added is not None:
                    return added
            fetch = await self._join(started.fetch)
            if not fetch.state.is_open:
                return await self._execute(self.find_fetched, fetch)

    async def _fetch(
        self, started: StartedFetch, lookup: MovieLookup, record: ResultRecorder[AddedMovie]
    ) -> AddedMovie | None:
        """Fetch the movie and store it; return `None` if another process took over the lease."""
        fetch = started.fetch
        outcome: Outcome
        try:
            outcome = await self._fetch_movie(lookup, Purpose.INTERACTIVE)
        except MoviesError as error:
            # A fetch that waited in the queue returns to it, unless the error is of its movie.
            pause = 0 if started.was_queued else None
            await self._execute(self._fetches.complete, [(fetch, error)], record_nothing, pause)
            raise

        def record_added(uow: UnitOfWork, completed: CompletedFetch) -> None:
            record(uow, _to_added(completed))

        done = await self._execute(self._fetches.complete, [(fetch, outcome)], record_added)
        return _to_added(done[0]) if done else None

    async def _join(self, fetch: Fetch) -> Fetch:
        """Wait until another process completes the fetch or its lease expires.

        Raises:
            UpstreamTimeout: neither happened within `JOIN_SECONDS`.
        """
        pause = _POLL_MIN_SECONDS
        try:
            async with asyncio.timeout(JOIN_SECONDS):
                while fetch.is_leased_at(utc_now()):
                    await asyncio.sleep(pause)
                    pause = min(2 * pause, _POLL_MAX_SECONDS)
                    fetch = await self._execute(self._fetches.get, fetch.known_id)
        except TimeoutError:
            raise UpstreamTimeout(
                "Another process is fetching this movie and did not finish in time."
            ) from None
        return fetch

    def find_fetched(self, fetch: Fetch) -> AddedMovie:
        """Return the movie of a completed fetch.

        Raises:
            MoviesError: the fetch failed or was cancelled.
        """
        if fetch.state is FetchState.CANCELLED:
            raise Conflict("The fetch of this movie was cancelled: add the movie again.")
        if fetch.state is not FetchState.FETCHED or fetch.movie_id is None:
            raise restore_error(
                fetch.error_code or "",
                fetch.error_message or "",
                retry_after_seconds=fetch.error_retry_after_seconds,
            )
        with self._unit_of_work(is_read_only=True) as uow:
            movie = uow.movies.get(fetch.movie_id)
            return AddedMovie(movie, is_new=False, revision=uow.movies.revision())

    def _find(self, lookup: MovieLookup) -> AddedMovie | None:
        with self._unit_of_work(is_read_only=True) as uow:
            if (movie := find_movie(uow, lookup)) is None:
                return None
            return AddedMovie(movie, is_new=False, revision=uow.movies.revision())


def _to_added(completed: CompletedFetch) -> AddedMovie:
    """Return the movie of a completed fetch."""
    if completed.movie is None:
        raise restore_error(completed.fetch.error_code or "", completed.fetch.error_message or "")
    return AddedMovie(completed.movie, completed.is_new, completed.revision)
