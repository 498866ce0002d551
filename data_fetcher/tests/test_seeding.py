import asyncio
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field

import pytest

from common.errors import (
    DatabaseUnavailable,
    MoviesError,
    NotFound,
    UpstreamQuota,
    UpstreamUnavailable,
)
from data_fetcher.omdb.lookups import ImdbWish
from data_fetcher.seeding import seeder as seeding_module
from data_fetcher.seeding.seeder import Seeding, SeedingReport
from data_layer.entities.movie import MovieFacts
from data_layer.entities.seed import Seed, SeedState
from data_layer.testing.fakes.unit_of_work import FakeDatabase, FakeUnitOfWork

PLAN = [Seed(f"tt{number:07}", f"Film {number}") for number in range(30)]


@dataclass
class Watcher:
    """Remembers what it is told."""

    pending: list[int] = field(default_factory=list)
    waits: int = 0
    seeds: list[Seed] = field(default_factory=list)

    def started(self, pending: int) -> None:
        self.pending.append(pending)

    def waiting(self) -> None:
        self.waits += 1

    def advanced(self, seed: Seed) -> None:
        self.seeds.append(seed)


class Omdb:
    """Has every film, except where a test wants an error."""

    def __init__(self, errors: dict[str, MoviesError] | None = None) -> None:
        self.errors = errors or {}
        self.calls: list[str] = []
        self.at_once = self.peak = 0

    async def fetch(self, wish: ImdbWish) -> MovieFacts:
        self.calls.append(wish.imdb_id)
        self.at_once += 1
        self.peak = max(self.peak, self.at_once)
        await asyncio.sleep(0)
        self.at_once -= 1
        if error := self.errors.get(wish.imdb_id):
            raise error
        return MovieFacts(title=f"Film {int(wish.imdb_id[2:])}", imdb_id=wish.imdb_id)


def seed(
    database: FakeDatabase,
    omdb: Omdb,
    watcher: Watcher | None = None,
    *,
    concurrency: int = 4,
    try_lock: Callable[[], AbstractContextManager[bool]] = lambda: nullcontext(enter_result=True),
) -> SeedingReport:
    """Run a seeding."""
    seeding = Seeding(database, omdb.fetch, PLAN, try_lock, concurrency)
    return asyncio.run(seeding.run(watcher or Watcher()))


def test_every_film_comes_in_once() -> None:
    database, omdb, watcher = FakeDatabase(), Omdb(), Watcher()
    report = seed(database, omdb, watcher)
    assert sorted(omdb.calls) == [one.imdb_id for one in PLAN]
    assert len(database.movies) == len(report.stored) == len(watcher.seeds) == 30
    assert watcher.pending == [30]
    assert omdb.peak == 4


def test_films_are_numbered_in_the_order_of_the_plan() -> None:
    database = FakeDatabase()

    class LateFirst(Omdb):
        async def fetch(self, wish: ImdbWish) -> MovieFacts:
            facts = await super().fetch(wish)
            if wish.imdb_id == PLAN[0].imdb_id:
                for _ in range(100):
                    await asyncio.sleep(0)
            return facts

    seed(database, LateFirst())
    assert [facts.imdb_id for facts in database.movies.values()] == [one.imdb_id for one in PLAN]


def test_a_second_run_does_nothing() -> None:
    database, omdb, watcher = FakeDatabase(), Omdb(), Watcher()
    seed(database, omdb)
    assert seed(database, omdb, watcher) == SeedingReport()
    assert watcher.pending == [0]
    assert len(omdb.calls) == 30


def test_a_film_that_was_removed_stays_removed() -> None:
    database, omdb = FakeDatabase(), Omdb()
    seed(database, omdb)
    with database() as uow:
        uow.movies.remove(1)
        uow.commit()
    seed(database, omdb)
    assert len(database.movies) == 29


def test_a_film_that_was_added_by_hand_is_not_doubled() -> None:
    database, omdb = FakeDatabase(), Omdb()
    with database() as uow:
        uow.movies.add(MovieFacts(title="Film 3", imdb_id="tt0000003"))
        uow.commit()
    report = seed(database, omdb)
    assert len(report.stored) == len(database.movies) == 30


def test_films_that_fail_are_named_and_do_not_stop_the_rest() -> None:
    database, watcher = FakeDatabase(), Watcher()
    omdb = Omdb(
        {
            "tt0000003": NotFound("OMDb has no such movie."),
            "tt0000005": UpstreamUnavailable("OMDb can't be reached."),
        }
    )
    report = seed(database, omdb, watcher)
    assert len(report.stored) == len(database.movies) == 28
    assert report.failed == (
        Seed("tt0000003", "Film 3", SeedState.FAILED, "OMDb has no such movie."),
    )
    assert report.pending == (
        Seed("tt0000005", "Film 5", SeedState.PENDING, "OMDb can't be reached."),
    )
    assert set(report.failed) | set(report.pending) <= set(watcher.seeds)


def test_the_next_run_tries_what_may_pass_and_not_what_is_not_there() -> None:
    database = FakeDatabase()
    seed(database, Omdb({"tt0000003": NotFound("No."), "tt0000005": UpstreamUnavailable("No.")}))
    omdb = Omdb()
    assert len(seed(database, omdb).stored) == 1
    assert omdb.calls == ["tt0000005"]


def test_a_spent_quota_is_not_asked_again() -> None:
    database = FakeDatabase()
    omdb = Omdb({"tt0000000": UpstreamQuota("Spent.")})
    report = seed(database, omdb, concurrency=1)
    assert omdb.calls == ["tt0000000"]
    assert {one.reason for one in report.pending} == {"Spent."}
    assert len(report.pending) == 30


def test_a_run_that_is_cut_off_goes_on_where_it_stopped() -> None:
    database = FakeDatabase()

    class Mortal(Omdb):
        async def fetch(self, wish: ImdbWish) -> MovieFacts:
            facts = await super().fetch(wish)
            while len(self.calls) > 9 and not database.movies:  # noqa: ASYNC110 - No event tells.
                await asyncio.sleep(0)
            if len(self.calls) > 9:
                raise InterruptedError
            return facts

    with pytest.raises(InterruptedError):
        seed(database, Mortal(), concurrency=1)
    kept = len(database.movies)
    report = seed(database, Omdb())
    assert len(database.movies) == 30
    assert len(report.stored) == 30 - kept
    assert 0 < kept < 30


def test_waits_for_another_process_and_then_finds_nothing_to_do(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(seeding_module, "LOCK_POLL_SECONDS", 0)
    database, watcher = FakeDatabase(), Watcher()
    seed(database, Omdb())
    held = iter([False, False, True])

    @contextmanager
    def try_lock() -> Iterator[bool]:
        yield next(held)

    omdb = Omdb()
    assert seed(database, omdb, watcher, try_lock=try_lock) == SeedingReport()
    assert (watcher.waits, omdb.calls) == (1, [])


def test_a_database_that_fails_ends_the_seeding() -> None:
    database = FakeDatabase()

    class Broken(FakeUnitOfWork):
        def commit(self) -> None:
            if self.movies.facts_by_id:
                raise DatabaseUnavailable("The disk is full.")
            super().commit()

    def open_unit(*, is_read_only: bool = False) -> FakeUnitOfWork:
        return Broken(database, is_read_only=is_read_only)

    seeding = Seeding(open_unit, Omdb().fetch, PLAN, lambda: nullcontext(enter_result=True), 4)
    with pytest.raises(DatabaseUnavailable):
        asyncio.run(seeding.run(Watcher()))
    assert database.movies == {}
