"""Queue of fetch jobs in the database."""

import dataclasses
import datetime as dt
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import stamina

from common.clock import Clock, utc_now
from common.errors import Conflict, restore_error
from data_fetcher.fetch_queue.completion import CompletedFetch, FetchCompleter, Outcome, requeued
from data_fetcher.fetch_queue.deduplication import (
    NEGATIVE_CACHE_HOURS,
    FetchDeduplicator,
    by_deduplication_key,
    new_fetch,
)
from data_fetcher.fetch_queue.deduplication_key import (
    Requester,
    deduplication_key,
    find_movie,
    find_movie_ids,
)
from data_fetcher.omdb.lookups import MovieLookup
from data_layer.entities.fetch import Fetch, FetchQuery, FetchState, Lease
from data_layer.entities.movie import StoredMovie
from data_layer.ports.result_recorder import ResultRecorder, record_nothing
from data_layer.ports.unit_of_work import UnitOfWork, UnitOfWorkFactory
from data_layer.transaction_retries import retried_when_busy

LEASE_SECONDS = 60
"""Lease of a worker, after which another one may take over; far longer than a fetch takes."""

INTERACTIVE_LEASE_SECONDS = 8
"""Lease of an interactive request, after which another request or a worker may take over."""

RETENTION_DAYS = 30
"""Retention of finished fetches."""

_retried_on_conflict = stamina.retry(
    on=Conflict, attempts=4, timeout=5, wait_initial=0.01, wait_max=0.1
)
"""Retries when another process enqueued the same fetch or stored its movie concurrently."""

Notify = Callable[[Sequence[int]], None]
"""Port of a notifier: notifies workers of new fetches, by id.

Delivery is best effort: workers also poll, and find a fetch whose notification was lost.
"""


def notify_none(_fetch_ids: Sequence[int]) -> None:
    """Notify no worker: all of them poll."""


@dataclass(frozen=True, slots=True)
class StartedFetch:
    """Fetch that an interactive request has started or joined."""

    fetch: Fetch
    is_owner: bool
    """Whether the request holds the lease and has to fetch the movie itself."""
    was_queued: bool = False
    """Whether another requester queued the fetch, which is to be fetched whatever happens here."""


class FetchQueue:
    """Queue of fetch jobs, used by requesters and workers.

    Args:
        notify: Called after the commit with the ids of new fetches.
        negative_cache_hours: Lifetimes of a not-found result; see `FetchDeduplicator`.
        lease_seconds: Duration of a worker's lease.
        clock: Returns the current time in UTC.
    """

    def __init__(
        self,
        unit_of_work: UnitOfWorkFactory,
        notify: Notify = notify_none,
        *,
        negative_cache_hours: Sequence[int] = NEGATIVE_CACHE_HOURS,
        lease_seconds: float = LEASE_SECONDS,
        clock: Clock = utc_now,
    ) -> None:
        self._unit_of_work = unit_of_work
        self._notify = notify
        self._lease_seconds = lease_seconds
        self._clock = clock
        self._deduplicator = FetchDeduplicator(negative_cache_hours, clock)
        self._completer = FetchCompleter(unit_of_work, clock)

    @_retried_on_conflict
    @retried_when_busy
    def enqueue(
        self,
        lookups: Sequence[MovieLookup],
        by: Requester,
        record: ResultRecorder[tuple[Fetch, ...]] = record_nothing,
    ) -> tuple[Fetch, ...]:
        """Return a fetch for each lookup, in their order; store the new ones and commit.

        A lookup joins an existing fetch that is open, has fetched the movie in the catalogue, or
        is a not-found result that has not expired. For a movie that is in the catalogue without
        a fetch, a finished fetch is stored.

        Args:
            lookups: At least one lookup.
            by: Requester, for the audit log.
            record: stores the result in the same transaction, unless all fetches existed.
        """
        by_key, now = by_deduplication_key(lookups), self._clock()
        with self._unit_of_work() as uow:
            newest = uow.fetches.find_newest(by_key)
            movie_ids = find_movie_ids(uow, by_key)
            joined = {
                key: fetch
                for key, fetch in newest.items()
                if self._deduplicator.is_duplicate_of(fetch, movie_ids.get(key))
            }
            new = [
                new_fetch(lookup, by, newest.get(key), movie_ids.get(key), now)
                for key, lookup in by_key.items()
                if key not in joined
            ]
            added = uow.fetches.add_many(new) if new else ()
            joined.update((fetch.deduplication_key, fetch) for fetch in added)
            result = tuple(joined[deduplication_key(lookup)] for lookup in lookups)
            if added:
                record(uow, result)
                if queued := [fetch.known_id for fetch in added if fetch.state.is_open]:
                    uow.after_commit(lambda: self._notify(queued))
                uow.commit()
        return result

    def find_missing(self, lookups: Sequence[MovieLookup]) -> tuple[bytes, ...]:
        """Return the deduplication keys of lookups that would cause a new request to the source.

        Each key appears once, in the order of the lookups.
        """
        by_key = by_deduplication_key(lookups)
        with self._unit_of_work(is_read_only=True) as uow:
            found = find_movie_ids(uow, by_key)
            missing = [key for key in by_key if key not in found]
            newest = uow.fetches.find_newest(missing)
            return tuple(
                key
                for key in missing
                if key not in newest or not self._deduplicator.is_duplicate_of(newest[key], None)
            )

    @_retried_on_conflict
    @retried_when_busy
    def start_or_join(self, lookup: MovieLookup, by: Requester) -> StartedFetch:
        """Lease a fetch to an interactive request, or join an existing one; commit.

        A fetch that is leased, and one whose movie is in the catalogue, is joined; one that is
        queued or whose lease has expired is taken over.

        Raises:
            NotFound: A not-found result for this lookup has not expired.
        """
        with self._unit_of_work() as uow:
            key = deduplication_key(lookup)
            newest = uow.fetches.find_newest([key]).get(key)
            now = self._clock()
            lease = self._lease(now, min(INTERACTIVE_LEASE_SECONDS, self._lease_seconds))
            if (movie := find_movie(uow, lookup)) is not None:
                return self._join_completed(uow, lookup, by, newest, movie)
            if newest is not None and self._deduplicator.is_negatively_cached(newest):
                raise restore_error("not-found", newest.error_message or "")
            was_queued = newest is not None and newest.state.is_open
            if newest is None or not was_queued:
                fetch = new_fetch(lookup, by, newest, None, now).started(lease, now)
                (fetch,) = uow.fetches.add_many([fetch])
            else:
                fetch = uow.fetches.get(newest.known_id)
                if not fetch.state.is_open or fetch.is_leased_at(now):
                    return StartedFetch(fetch, is_owner=False)
                fetch = fetch.started(lease, now)
                uow.fetches.update_many([fetch])
            uow.commit()
        return StartedFetch(fetch, is_owner=True, was_queued=was_queued)

    def _join_completed(
        self,
        uow: UnitOfWork,
        lookup: MovieLookup,
        by: Requester,
        newest: Fetch | None,
        movie: StoredMovie,
    ) -> StartedFetch:
        """Return a finished fetch for a movie that is in the catalogue; store one if needed."""
        if newest is None or not self._deduplicator.is_duplicate_of(newest, movie.id):
            fetch = new_fetch(lookup, by, newest, movie.id, self._clock())
            (newest,) = uow.fetches.add_many([fetch])
            uow.commit()
        return StartedFetch(newest, is_owner=False)

    @retried_when_busy
    def claim(self, limit: int, fetch_id: int | None = None) -> tuple[Fetch, ...]:
        """Lease fetches that are due or whose lease has expired; commit.

        Args:
            limit: Maximum number of fetches.
            fetch_id: Restricts the claim to this fetch; None for any.
        """
        now = self._clock()
        with self._unit_of_work() as uow:
            if claimed := uow.fetches.claim(
                self._lease(now, self._lease_seconds), now, limit, fetch_id
            ):
                uow.commit()
        return claimed

    @_retried_on_conflict
    def complete(
        self,
        outcomes: Sequence[tuple[Fetch, Outcome]],
        record: ResultRecorder[CompletedFetch] = record_nothing,
        seconds_until_admitted: float | None = None,
    ) -> tuple[CompletedFetch, ...]:
        """Store outcomes of fetches and their movies; see `FetchCompleter.run`."""
        return self._completer.run(outcomes, record, seconds_until_admitted)

    def notify(self, fetches: Sequence[Fetch]) -> None:
        """Notify workers of those of these fetches that are queued, which no message announced."""
        if queued := [fetch.known_id for fetch in fetches if fetch.state is FetchState.QUEUED]:
            self._notify(queued)

    @retried_when_busy
    def release(self, fetches: Sequence[Fetch]) -> tuple[Fetch, ...]:
        """Requeue leased fetches without counting the attempt, and return them; commit."""
        if not fetches:
            return ()
        with self._unit_of_work() as uow:
            leased = uow.fetches.find_leased(fetches)
            now = self._clock()
            released = tuple(requeued(fetch, now, fetch.attempts - 1) for fetch in leased)
            uow.fetches.update_many(released)
            uow.commit()
        return released

    @retried_when_busy
    def renew(self, fetches: Sequence[Fetch], until: dt.datetime) -> None:
        """Extend the leases that are still held until a time in UTC; commit."""
        with self._unit_of_work() as uow:
            leased = uow.fetches.find_leased(fetches)
            uow.fetches.update_many(
                [dataclasses.replace(fetch, lease_expires_at=until) for fetch in leased]
            )
            uow.commit()

    def get(self, fetch_id: int) -> Fetch:
        """Return the fetch with this id.

        Raises:
            NotFound: There is no such fetch.
        """
        with self._unit_of_work(is_read_only=True) as uow:
            return uow.fetches.get(fetch_id)

    def get_many(self, fetch_ids: Sequence[int]) -> tuple[Fetch, ...]:
        """Return the existing fetches with these ids, in no particular order."""
        with self._unit_of_work(is_read_only=True) as uow:
            return uow.fetches.get_many(fetch_ids)

    def list(self, query: FetchQuery) -> tuple[Fetch, ...]:
        """Return the fetches that match the query, newest first."""
        with self._unit_of_work(is_read_only=True) as uow:
            return uow.fetches.list(query)

    def counts(self) -> Mapping[FetchState, int]:
        """Return the number of fetches in each state; states without any are absent."""
        with self._unit_of_work(is_read_only=True) as uow:
            return uow.fetches.counts()

    @retried_when_busy
    def retry(
        self,
        fetch_id: int,
        record: ResultRecorder[Fetch] = record_nothing,
    ) -> Fetch:
        """Requeue a failed, not-found or cancelled fetch and return it; commit.

        A fetch that is open is returned unchanged.

        Args:
            fetch_id: Id of the fetch.
            record: stores the result in the same transaction, unless nothing changes.

        Raises:
            NotFound: There is no such fetch.
            Conflict: The movie was fetched, or a newer fetch with the same key is open.
        """
        with self._unit_of_work() as uow:
            fetch = uow.fetches.get(fetch_id)
            if fetch.state is FetchState.FETCHED:
                raise Conflict(
                    "The movie was already fetched: POST /movies/{id}/refresh fetches it again."
                )
            if not fetch.state.is_open:
                newest = uow.fetches.find_newest([fetch.deduplication_key])[fetch.deduplication_key]
                if newest.state.is_open:
                    raise Conflict("A newer fetch of the same movie is open.")
                fetch = requeued(fetch, self._clock(), attempts=0)
                uow.fetches.update_many([fetch])
                uow.after_commit(lambda: self._notify([fetch.known_id]))
                record(uow, fetch)
                uow.commit()
        return fetch

    @retried_when_busy
    def cancel(
        self,
        fetch_id: int,
        record: ResultRecorder[Fetch] = record_nothing,
    ) -> Fetch:
        """Cancel a fetch and return it; commit. The outcome of a request in progress is dropped.

        Args:
            fetch_id: Id of the fetch.
            record: stores the result in the same transaction, unless nothing changes.

        Raises:
            NotFound: There is no such fetch.
            Conflict: The fetch is finished.
        """
        with self._unit_of_work() as uow:
            fetch = uow.fetches.get(fetch_id)
            if fetch.state is not FetchState.CANCELLED:
                if not fetch.state.is_open:
                    raise Conflict("This fetch is finished and cannot be cancelled.")
                fetch = dataclasses.replace(
                    requeued(fetch, self._clock(), fetch.attempts),
                    state=FetchState.CANCELLED,
                    finished_at=self._clock(),
                )
                uow.fetches.update_many([fetch])
                record(uow, fetch)
                uow.commit()
        return fetch

    @retried_when_busy
    def purge(self) -> None:
        """Delete the fetches that finished more than `RETENTION_DAYS` ago; commit."""
        with self._unit_of_work() as uow:
            uow.fetches.delete_before(self._clock() - dt.timedelta(days=RETENTION_DAYS))
            uow.commit()

    def _lease(self, now: dt.datetime, seconds: float) -> Lease:
        return Lease(secrets.token_hex(16), now + dt.timedelta(seconds=seconds))
