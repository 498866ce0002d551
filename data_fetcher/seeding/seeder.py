"""Seeding: the first films are fetched in parallel and stored, exactly once."""

import asyncio
import dataclasses
import itertools
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol, TypeGuard

from common.clock import utc_now
from common.errors import MoviesError, NotFound, UpstreamQuota, UpstreamRefused
from data_fetcher.film_checks import check_of
from data_fetcher.omdb.lookups import ImdbWish
from data_layer.entities.movie import MovieFacts
from data_layer.entities.seed import Seed, SeedState
from data_layer.ports.unit_of_work import UnitOfWork, UnitOfWorkFactory
from data_layer.retries import retried_when_busy

LOCK_POLL_SECONDS = 0.25
"""How often a process looks whether another one has finished, or died, seeding."""

Outcome = MovieFacts | MoviesError
Outcomes = asyncio.Queue[tuple[Seed, Outcome]]


@dataclass(frozen=True, slots=True)
class SeedingReport:
    """How a seeding ended: each planned film that this run tried, as it is now."""

    stored: tuple[Seed, ...] = ()
    failed: tuple[Seed, ...] = ()
    """OMDb does not have them; they are not tried again."""
    pending: tuple[Seed, ...] = ()
    """They could not be fetched this time; the next start tries them again."""


class SeedingObserver(Protocol):
    """Is told how far the seeding is."""

    def started(self, pending: int) -> None:
        """So many films are to be fetched; with 0 there is nothing to do."""
        ...

    def waiting(self) -> None:
        """Another process is seeding."""
        ...

    def advanced(self, seed: Seed) -> None:
        """A film is stored, has failed, or has been left for later."""
        ...


@dataclass(frozen=True, slots=True)
class Seeding:
    """Everything that seeding works with.

    Args:
        unit_of_work: opens transactions.
        fetch: asks OMDb for one film.
        plan: the films, used when the catalogue was never seeded.
        try_lock: gives whether this process is the one that seeds.
        concurrency: how many films are asked for at once.
    """

    unit_of_work: UnitOfWorkFactory
    fetch: Callable[[ImdbWish], Awaitable[MovieFacts]]
    plan: Sequence[Seed]
    try_lock: Callable[[], AbstractContextManager[bool]]
    concurrency: int

    async def run(self, observer: SeedingObserver) -> SeedingReport:
        """Bring every planned film that is still pending into the catalogue.

        Films go in while others are still on their way, each together with the mark that it is
        done: a killed run loses only what it had not stored, and the next one goes on.
        Waits while another process is seeding.

        Raises:
            DatabaseUnavailable: what was stored until then stays.
        """
        is_waiting = False
        while True:
            with self.try_lock() as is_held:
                if is_held:
                    return await self._run_alone(observer)
            if not is_waiting:
                observer.waiting()
                is_waiting = True
            await asyncio.sleep(LOCK_POLL_SECONDS)

    async def _run_alone(self, observer: SeedingObserver) -> SeedingReport:
        pending = await asyncio.to_thread(self._find_pending)
        observer.started(len(pending))
        outcomes: Outcomes = asyncio.Queue()
        fetching = _Fetching(self.fetch, iter(pending), outcomes)
        try:
            async with asyncio.TaskGroup() as tasks:
                storing = tasks.create_task(self._store_all(pending, outcomes, observer))
                for _ in range(min(self.concurrency, len(pending))):
                    tasks.create_task(fetching.run())
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
        self, pending: list[Seed], outcomes: Outcomes, observer: SeedingObserver
    ) -> list[Seed]:
        """Store what has arrived, many films in one transaction, until all have.

        They are stored in the order of the plan, so that every catalogue numbers them alike.
        """
        arrived: dict[Seed, Outcome] = {}
        done: list[Seed] = []
        while len(done) < len(pending):
            arrived.update([await outcomes.get()])
            while not outcomes.empty():
                arrived.update([outcomes.get_nowait()])
            turn = itertools.takewhile(arrived.__contains__, pending[len(done) :])
            if batch := [(seed, arrived[seed]) for seed in turn]:
                done += await asyncio.to_thread(self._store, batch)
                for seed in done[-len(batch) :]:
                    observer.advanced(seed)
        return done

    @retried_when_busy
    def _store(self, batch: list[tuple[Seed, Outcome]]) -> list[Seed]:
        with self.unit_of_work() as uow:
            done = [_settle(seed, outcome) for seed, outcome in batch]
            if new := [facts for _seed, facts in batch if _is_new(facts, uow)]:
                stored = uow.movies.add_many(new)
                now = utc_now()
                uow.movie_checks.put_many(
                    check_of(movie.id, facts, now) for movie, facts in zip(stored, new, strict=True)
                )
            for seed in done:
                uow.seeds.update(seed)
            uow.commit()
        return done


@dataclass(slots=True)
class _Fetching:
    """Fetches seeds until none is left; any number of `run` share the work."""

    fetch: Callable[[ImdbWish], Awaitable[MovieFacts]]
    seeds: Iterator[Seed]
    outcomes: Outcomes
    refusal: MoviesError | None = None
    """Why OMDb serves us nothing more today; it is not asked again."""

    async def run(self) -> None:
        for seed in self.seeds:
            self.outcomes.put_nowait((seed, self.refusal or await self._fetch(seed)))

    async def _fetch(self, seed: Seed) -> Outcome:
        try:
            return await self.fetch(ImdbWish(seed.imdb_id))
        except (UpstreamRefused, UpstreamQuota) as error:
            self.refusal = error
            return error
        except MoviesError as error:
            return error


def _settle(seed: Seed, outcome: Outcome) -> Seed:
    match outcome:
        case MovieFacts():
            return dataclasses.replace(seed, state=SeedState.STORED, reason=None)
        case NotFound():
            return dataclasses.replace(seed, state=SeedState.FAILED, reason=outcome.message)
        case _:
            return dataclasses.replace(seed, reason=outcome.message)


def _is_new(outcome: Outcome, uow: UnitOfWork) -> TypeGuard[MovieFacts]:
    """Tell whether a film came that nobody has added by hand meanwhile."""
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
