"""Seeder: fetches the first movies concurrently and stores each exactly once."""

import asyncio
import dataclasses
import datetime as dt
import itertools
import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, closing, suppress
from dataclasses import dataclass

from common.batches import next_batch
from common.cli.progress import ProgressBar
from common.clock import utc_now
from common.errors import DatabaseUnavailable, NotFound
from common.executors import CallExecutor, ThreadPoolCallExecutor
from data_fetcher.fetch_queue.completion import Outcome, requeued
from data_fetcher.fetch_queue.deduplication import by_deduplication_key, new_fetch
from data_fetcher.fetch_queue.deduplication_key import Requester, deduplication_key
from data_fetcher.fetch_queue.movie_source import MovieSource
from data_fetcher.fetch_queue.queue import FetchQueue
from data_fetcher.omdb.admission import Purpose
from data_fetcher.omdb.lookups import ImdbIdLookup
from data_fetcher.seeding.config import PlannedMovie
from data_fetcher.throttling.circuit_breaker import is_request_specific
from data_layer.entities.fetch import Fetch, FetchState, Lease
from data_layer.entities.movie import MovieFacts
from data_layer.ports.unit_of_work import UnitOfWork, UnitOfWorkFactory
from data_layer.transaction_retries import retried_when_busy

LOCK_POLL_SECONDS = 0.25
"""Interval at which a process tries to get the lock that another seeding process holds."""

LEASE_SECONDS = 60
"""Lease of the seeding process, in which no worker takes its fetches over."""

RENEWAL_SECONDS = 20
"""Interval at which the seeding process renews its leases."""

LEASE_PREFIX = "seeding-"
"""Start of the holders of a seeding's leases. The next seeding does not wait for their expiry: it
holds the lock, thus the holder has ended. It does wait for those of workers."""

DATABASE_SECONDS = 60
"""Time limit of one transaction, repetitions after a conflict included."""

GATHER_SECONDS = 0.1
"""Maximum time in which outcomes are gathered for one transaction."""

SEEDING = Requester("seeding")
"""Requester of the seed fetches."""

NOT_STORED = "OMDb returned another movie, or this fetch was cancelled: see GET /fetches."

_PENDING = frozenset({FetchState.QUEUED, FetchState.FETCHING, FetchState.FAILED})

Outcomes = asyncio.Queue[tuple[Fetch, Outcome]]


@dataclass(frozen=True, slots=True)
class UnseededMovie:
    """Planned movie that was not stored, and the reason."""

    imdb_id: str
    title: str
    reason: str


@dataclass(slots=True)
class SeedingReport:
    """Result of a seeding: what happened to the planned movies that this run tried."""

    stored: int = 0
    failed: list[UnseededMovie] = dataclasses.field(default_factory=list)
    """Movies that OMDb does not have; they are not tried again."""
    pending: list[UnseededMovie] = dataclasses.field(default_factory=list)
    """Movies that could not be fetched; the next run tries them again."""


@dataclass(frozen=True, slots=True)
class Seeder:
    """Seeder of a catalogue; its movies are fetch jobs that this process leases to itself.

    Args:
        fetches: The fetch queue.
        source: Fetches movies from OMDb.
        plan: Movies to seed, used only for a catalogue that was never seeded.
        try_lock: Opens a context that yields whether this process holds the seeding lock.
    """

    unit_of_work: UnitOfWorkFactory
    fetches: FetchQueue
    source: MovieSource
    plan: Sequence[PlannedMovie]
    try_lock: Callable[[], AbstractContextManager[bool]]

    async def run(self, progress: ProgressBar) -> SeedingReport:
        """Fetch and store every planned movie that is pending; commit in batches.

        A movie and its fetch are stored in one transaction while others are being fetched: a
        killed run loses only what it had not stored, and the next run resumes. An interrupted run
        releases the fetches without an outcome to the workers. A fetch that the
        quota or the circuit breaker refused is queued for the workers, too. Wait while another
        process is seeding.

        Raises:
            DatabaseUnavailable: The database failed; what was stored before is kept.
        """
        is_waiting = False
        while True:
            with self.try_lock() as is_held:
                if is_held:
                    return await self._run_locked(progress)
            if not is_waiting:
                progress.message("Another process is seeding this catalogue: waiting for it.")
                is_waiting = True
            await asyncio.sleep(LOCK_POLL_SECONDS)

    async def _run_locked(self, progress: ProgressBar) -> SeedingReport:
        leased = await asyncio.to_thread(self._lease_pending)
        if leased:
            progress.update(0, len(leased))
        outcomes: Outcomes = asyncio.Queue()
        waiting = iter(leased)
        with closing(ThreadPoolCallExecutor(1, DATABASE_SECONDS)) as in_thread:
            try:
                async with asyncio.TaskGroup() as tasks:
                    renewing = tasks.create_task(self._renew_leases(leased, in_thread))
                    for _ in range(min(self.source.concurrency, len(leased))):
                        tasks.create_task(self._fetch_all(waiting, outcomes))
                    report = await self._store_all(leased, outcomes, progress, in_thread)
                    renewing.cancel()
            except ExceptionGroup as errors:
                raise errors.exceptions[0] from None
            finally:  # One thread: what is being stored is stored, and then the rest is released.
                with suppress(DatabaseUnavailable):  # The leases expire.
                    await asyncio.shield(in_thread(self._release, leased))
        return report

    def _release(self, leased: tuple[Fetch, ...]) -> None:
        released = self.fetches.release(leased)
        self.fetches.notify(released)

    async def _renew_leases(self, leased: tuple[Fetch, ...], in_thread: CallExecutor) -> None:
        while True:
            await asyncio.sleep(RENEWAL_SECONDS)
            with suppress(DatabaseUnavailable):  # A worker takes over what has expired.
                until = utc_now() + dt.timedelta(seconds=LEASE_SECONDS)
                await in_thread(self.fetches.renew, leased, until)

    @retried_when_busy
    def _lease_pending(self) -> tuple[Fetch, ...]:
        """Lease the seed fetches without a result, in the order of the plan; commit.

        They are created for a catalogue that was never seeded. One that a client has requested
        again since, or that a worker is fetching, is left to them.
        """
        now = utc_now()
        holder = LEASE_PREFIX + secrets.token_hex(12)
        lease = Lease(holder, now + dt.timedelta(seconds=LEASE_SECONDS))
        with self.unit_of_work() as uow:
            if seeds := uow.fetches.list_seeds():
                newest = uow.fetches.find_newest([seed.deduplication_key for seed in seeds])
                leased = tuple(
                    requeued(seed, now, attempts=0).started(lease, now)
                    for seed in seeds
                    if seed.state in _PENDING
                    and newest[seed.deduplication_key].id == seed.id
                    and not _is_leased_to_another(seed, now)
                )
                uow.fetches.update_many(leased)
            else:
                leased = self._lease_new(uow, lease, now)
            uow.commit()
        return leased

    def _lease_new(self, uow: UnitOfWork, lease: Lease, now: dt.datetime) -> tuple[Fetch, ...]:
        """Store a leased fetch for each planned movie that the catalogue lacks.

        An open fetch that a client has requested becomes the seed. It is not returned while its
        movie is being fetched.
        """
        lookups = {movie.imdb_id: ImdbIdLookup(movie.imdb_id) for movie in self.plan}
        newest = uow.fetches.find_newest(by_deduplication_key(list(lookups.values())))
        movie_ids = uow.movies.find_ids_by_imdb_id(lookups)
        adopted: list[Fetch] = []
        new: list[Fetch] = []
        for imdb_id, lookup in lookups.items():
            previous = newest.get(deduplication_key(lookup))
            if previous is None or not previous.state.is_open:
                fetch = new_fetch(lookup, SEEDING, previous, movie_ids.get(imdb_id), now)
                seed = dataclasses.replace(fetch, is_seed=True)
                new.append(seed.started(lease, now) if seed.state.is_open else seed)
            else:
                seed = dataclasses.replace(previous, is_seed=True)
                if not seed.is_leased_at(now):
                    seed = requeued(seed, now, attempts=0).started(lease, now)
                adopted.append(seed)
        uow.fetches.update_many(adopted)
        added = uow.fetches.add_many(new) if new else ()
        return tuple(seed for seed in (*adopted, *added) if seed.lease_holder == lease.holder)

    async def _fetch_all(self, waiting: Iterator[Fetch], outcomes: Outcomes) -> None:
        """Fetch movies one after the other; `concurrency` such loops share the iterator."""
        for fetch in waiting:
            outcomes.put_nowait((fetch, await self.source.outcome(fetch, Purpose.SEED)))

    async def _store_all(
        self,
        leased: tuple[Fetch, ...],
        outcomes: Outcomes,
        progress: ProgressBar,
        in_thread: CallExecutor,
    ) -> SeedingReport:
        """Store outcomes in batches as they arrive, and report them.

        Movies are stored in the order of the plan, so that they get the same ids in every
        catalogue.
        """
        arrived: dict[Fetch, Outcome] = {}
        report, done = SeedingReport(), 0
        while done < len(leased):
            size = min(self.source.concurrency, len(leased) - len(arrived))
            arrived.update(await next_batch(outcomes, size, GATHER_SECONDS))
            storable = itertools.takewhile(arrived.__contains__, leased[done:])
            if batch := [(fetch, arrived[fetch]) for fetch in storable]:
                pause = self.source.admission.seconds_until_admitted(Purpose.SEED)
                completed = await in_thread(
                    self.fetches.complete, batch, seconds_until_admitted=pause
                )
                done += len(batch)
                await in_thread(self.fetches.notify, [each.fetch for each in completed])
                stored = {each.fetch.id for each in completed if each.movie}
                for fetch, outcome in batch:
                    if fetch.id in stored:
                        report.stored += 1
                        progress.advance()
                    elif message := self._add_unseeded(report, fetch, outcome):
                        progress.message(message)
        return report

    def _add_unseeded(self, report: SeedingReport, fetch: Fetch, outcome: Outcome) -> str:
        """Add a movie that was not stored to the report, and return the message about it.

        A failure of OMDb as a whole has one message, which the first movie gets; the message of the
        others is empty.
        """
        titles = {movie.imdb_id: movie.title for movie in self.plan}
        imdb_id = fetch.imdb_id or ""
        reason = NOT_STORED if isinstance(outcome, MovieFacts) else outcome.message
        unseeded = UnseededMovie(imdb_id, titles.get(imdb_id, imdb_id), reason)
        is_known = any(reason == each.reason for each in report.pending)
        (report.failed if isinstance(outcome, NotFound) else report.pending).append(unseeded)
        if isinstance(outcome, MovieFacts) or is_request_specific(outcome):
            return f"{unseeded.title} ({imdb_id}): {reason}"
        return "" if is_known else reason


def _is_leased_to_another(seed: Fetch, now: dt.datetime) -> bool:
    """Return whether a worker or an interactive request is fetching the movie."""
    is_own = (seed.lease_holder or "").startswith(LEASE_PREFIX)
    return seed.is_leased_at(now) and not is_own
