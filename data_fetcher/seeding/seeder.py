"""Seeder: fetches the first movies concurrently and stores each exactly once."""

import asyncio
import dataclasses
import itertools
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TypeGuard

from common.cli.progress import ProgressBar
from common.clock import utc_now
from common.errors import MoviesError, NotFound, UpstreamQuotaExceeded, UpstreamUnauthorized
from data_fetcher.omdb.lookups import ImdbIdLookup
from data_layer.entities.movie import MovieFacts
from data_layer.entities.movie_refresh import schedule_refresh
from data_layer.entities.seed import Seed, SeedState
from data_layer.ports.unit_of_work import UnitOfWork, UnitOfWorkFactory
from data_layer.transaction_retries import retried_when_busy

LOCK_POLL_SECONDS = 0.25
"""Interval at which a process tries to get the lock that another seeding process holds."""

Outcome = MovieFacts | MoviesError
Outcomes = asyncio.Queue[tuple[Seed, Outcome]]


@dataclass(frozen=True, slots=True)
class SeedingReport:
    """Result of a seeding: the planned movies that this run tried, by their state."""

    stored: tuple[Seed, ...] = ()
    failed: tuple[Seed, ...] = ()
    """Movies that OMDb does not have; they are not tried again."""
    pending: tuple[Seed, ...] = ()
    """Movies that could not be fetched; the next run tries them again."""


@dataclass(frozen=True, slots=True)
class Seeder:
    """Seeder of a catalogue.

    Args:
        fetch: Fetches one movie from OMDb.
        plan: Movies to seed, used only for a catalogue that was never seeded.
        try_lock: Opens a context that yields whether this process holds the seeding lock.
        concurrency: Maximum number of concurrent calls of `fetch`.
    """

    unit_of_work: UnitOfWorkFactory
    fetch: Callable[[ImdbIdLookup], Awaitable[MovieFacts]]
    plan: Sequence[Seed]
    try_lock: Callable[[], AbstractContextManager[bool]]
    concurrency: int

    async def run(self, progress: ProgressBar) -> SeedingReport:
        """Fetch and store every planned movie that is pending; commit in batches.

        A movie and its seed state are stored in one transaction while others are being fetched:
        a killed run loses only what it had not stored, and the next run resumes. Wait while
        another process is seeding.

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
        pending = await asyncio.to_thread(self._find_pending)
        if pending:
            progress.update(0, len(pending))
        outcomes: Outcomes = asyncio.Queue()
        fetcher = _SeedFetcher(self.fetch, iter(pending), outcomes)
        try:
            async with asyncio.TaskGroup() as tasks:
                storing = tasks.create_task(self._store_all(pending, outcomes, progress))
                for _ in range(min(self.concurrency, len(pending))):
                    tasks.create_task(fetcher.run())
        except ExceptionGroup as errors:
            raise errors.exceptions[0] from None
        return _report(storing.result())

    @retried_when_busy
    def _find_pending(self) -> list[Seed]:
        with self.unit_of_work() as uow:
            if not (seeds := uow.seeds.list()):
                seeds = tuple(self.plan)
                uow.seeds.add_many(seeds)
                uow.commit()
        return [seed for seed in seeds if seed.state is SeedState.PENDING]

    async def _store_all(
        self, pending: list[Seed], outcomes: Outcomes, progress: ProgressBar
    ) -> list[Seed]:
        """Store outcomes in batches as they arrive, and return all seeds.

        Movies are stored in the order of the plan, so that they get the same ids in every
        catalogue.
        """
        arrived: dict[Seed, Outcome] = {}
        done: list[Seed] = []
        while len(done) < len(pending):
            arrived.update([await outcomes.get()])
            while not outcomes.empty():
                arrived.update([outcomes.get_nowait()])
            storable = itertools.takewhile(arrived.__contains__, pending[len(done) :])
            if batch := [(seed, arrived[seed]) for seed in storable]:
                done += await asyncio.to_thread(self._store, batch)
                for seed in done[-len(batch) :]:
                    if seed.state is not SeedState.STORED:
                        progress.message(f"{seed.title} ({seed.imdb_id}): {seed.reason}")
                    progress.advance()
        return done

    @retried_when_busy
    def _store(self, batch: list[tuple[Seed, Outcome]]) -> list[Seed]:
        with self.unit_of_work() as uow:
            done = [_completed(seed, outcome) for seed, outcome in batch]
            if new := [facts for _seed, facts in batch if _is_new(facts, uow)]:
                stored = uow.movies.add_many(new)
                now = utc_now()
                uow.movie_refreshes.put_many(
                    schedule_refresh(movie.id, facts, now)
                    for movie, facts in zip(stored, new, strict=True)
                )
            for seed in done:
                uow.seeds.update(seed)
            uow.commit()
        return done


@dataclass(slots=True)
class _SeedFetcher:
    """Fetcher of seeds; any number of concurrent `run` calls share the iterator."""

    fetch: Callable[[ImdbIdLookup], Awaitable[MovieFacts]]
    seeds: Iterator[Seed]
    outcomes: Outcomes
    refusal: MoviesError | None = None
    """Error because of which OMDb rejects all further requests; it applies to all later seeds."""

    async def run(self) -> None:
        for seed in self.seeds:
            self.outcomes.put_nowait((seed, self.refusal or await self._fetch(seed)))

    async def _fetch(self, seed: Seed) -> Outcome:
        try:
            return await self.fetch(ImdbIdLookup(seed.imdb_id))
        except (UpstreamUnauthorized, UpstreamQuotaExceeded) as error:
            self.refusal = error
            return error
        except MoviesError as error:
            return error


def _completed(seed: Seed, outcome: Outcome) -> Seed:
    match outcome:
        case MovieFacts():
            return dataclasses.replace(seed, state=SeedState.STORED, reason=None)
        case NotFound():
            return dataclasses.replace(seed, state=SeedState.FAILED, reason=outcome.message)
        case _:
            return dataclasses.replace(seed, reason=outcome.message)


def _is_new(outcome: Outcome, uow: UnitOfWork) -> TypeGuard[MovieFacts]:
    """Return whether the outcome is a movie that is not in the catalogue yet."""
    return (
        isinstance(outcome, MovieFacts)
        and outcome.imdb_id is not None
        and uow.movies.find_by_imdb_id(outcome.imdb_id) is None
    )


def _report(seeds: Sequence[Seed]) -> SeedingReport:
    def in_state(state: SeedState) -> tuple[Seed, ...]:
        return tuple(seed for seed in seeds if seed.state is state)

    return SeedingReport(
        stored=in_state(SeedState.STORED),
        failed=in_state(SeedState.FAILED),
        pending=in_state(SeedState.PENDING),
    )
