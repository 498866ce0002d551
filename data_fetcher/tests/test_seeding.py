import asyncio
import io
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress

import pytest

from common.cli.progress import ProgressBar
from common.errors import (
    DatabaseUnavailable,
    MoviesError,
    NotFound,
    UpstreamQuotaExceeded,
    UpstreamUnauthorized,
    UpstreamUnavailable,
)
from data_fetcher.fetch_queue.deduplication_key import Requester
from data_fetcher.fetch_queue.movie_source import MovieSource
from data_fetcher.fetch_queue.queue import FetchQueue
from data_fetcher.omdb.admission import Purpose
from data_fetcher.omdb.lookups import ImdbIdLookup, MovieLookup
from data_fetcher.seeding.config import PlannedMovie
from data_fetcher.seeding.seeder import Seeder, SeedingReport, UnseededMovie
from data_fetcher.tests.stub_admission import StubAdmission
from data_layer.entities.fetch import FetchState
from data_layer.entities.movie import MovieFacts
from data_layer.ports.unit_of_work import UnitOfWorkFactory
from data_layer.testing.fakes.unit_of_work import FakeDatabase, FakeUnitOfWork

PLAN = [PlannedMovie(imdb_id=f"tt{number:07}", title=f"Movie {number}") for number in range(30)]


class Omdb:
    """Fake OMDb that has every movie, except for the given errors by IMDb id."""

    def __init__(self, errors: dict[str, MoviesError] | None = None) -> None:
        self.errors = errors or {}
        self.calls: list[str] = []
        self.in_flight = self.peak = 0
        self.admission = StubAdmission()

    async def fetch(self, lookup: MovieLookup, purpose: Purpose) -> MovieFacts:
        assert purpose is Purpose.SEED
        assert isinstance(lookup, ImdbIdLookup)
        self.calls.append(lookup.imdb_id)
        self.in_flight += 1
        self.peak = max(self.peak, self.in_flight)
        await asyncio.sleep(0)
        self.in_flight -= 1
        if error := self.errors.get(lookup.imdb_id):
            raise error
        return MovieFacts(title=f"Movie {int(lookup.imdb_id[2:])}", imdb_id=lookup.imdb_id)


def seeder_of(
    unit_of_work: UnitOfWorkFactory,
    omdb: Omdb,
    try_lock: Callable[[], AbstractContextManager[bool]] = lambda: nullcontext(enter_result=True),
    concurrency: int = 4,
) -> Seeder:
    source = MovieSource(omdb.fetch, omdb.admission, concurrency)
    return Seeder(unit_of_work, FetchQueue(unit_of_work), source, PLAN, try_lock)


def seed(
    database: FakeDatabase,
    omdb: Omdb,
    shown: io.StringIO | None = None,
    *,
    concurrency: int = 4,
    try_lock: Callable[[], AbstractContextManager[bool]] = lambda: nullcontext(enter_result=True),
) -> SeedingReport:
    """Run a seeding of the plan."""
    seeder = seeder_of(database, omdb, try_lock, concurrency)
    with ProgressBar("Seeding", "movies", shown) as progress:
        return asyncio.run(seeder.run(progress))


def test_every_movie_is_stored_once() -> None:
    database, omdb, shown = FakeDatabase(), Omdb(), io.StringIO()
    report = seed(database, omdb, shown)
    assert sorted(omdb.calls) == [planned.imdb_id for planned in PLAN]
    assert len(database.movies) == report.stored == 30
    assert shown.getvalue() == "Seeding: 30/30 movies\n"
    assert omdb.peak == 4


def test_movies_get_their_ids_in_the_order_of_the_plan() -> None:
    database = FakeDatabase()

    class SlowFirstOmdb(Omdb):
        async def fetch(self, lookup: MovieLookup, purpose: Purpose) -> MovieFacts:
            facts = await super().fetch(lookup, purpose)
            if facts.imdb_id == PLAN[0].imdb_id:
                for _ in range(100):
                    await asyncio.sleep(0)
            return facts

    seed(database, SlowFirstOmdb())
    assert [facts.imdb_id for facts in database.movies.values()] == [
        planned.imdb_id for planned in PLAN
    ]


def test_a_second_run_does_nothing() -> None:
    database, omdb, shown = FakeDatabase(), Omdb(), io.StringIO()
    seed(database, omdb)
    assert seed(database, omdb, shown) == SeedingReport()
    assert shown.getvalue() == ""
    assert len(omdb.calls) == 30


def test_a_deleted_movie_stays_deleted() -> None:
    database, omdb = FakeDatabase(), Omdb()
    seed(database, omdb)
    with database() as uow:
        uow.movies.remove(1)
        uow.commit()
    seed(database, omdb)
    assert len(database.movies) == 29


def test_a_movie_that_exists_is_not_duplicated() -> None:
    database, omdb = FakeDatabase(), Omdb()
    with database() as uow:
        uow.movies.add(MovieFacts(title="Movie 3", imdb_id="tt0000003"))
        uow.commit()
    report = seed(database, omdb)
    assert (report.stored, len(database.movies)) == (29, 30)
    assert "tt0000003" not in omdb.calls


def test_a_fetch_that_a_client_requested_becomes_the_seed() -> None:
    database, omdb = FakeDatabase(), Omdb()
    FetchQueue(database).enqueue([ImdbIdLookup("tt0000003")], Requester("user:1"))
    assert seed(database, omdb).stored == len(database.fetches) == 30


def test_failures_are_reported_and_do_not_stop_the_rest() -> None:
    database, shown = FakeDatabase(), io.StringIO()
    omdb = Omdb(
        {
            "tt0000003": NotFound("OMDb has no such movie."),
            "tt0000005": UpstreamUnavailable("OMDb can't be reached."),
        }
    )
    report = seed(database, omdb, shown)
    assert report.stored == len(database.movies) == 28
    assert report.failed == [UnseededMovie("tt0000003", "Movie 3", "OMDb has no such movie.")]
    assert report.pending == [UnseededMovie("tt0000005", "Movie 5", "OMDb can't be reached.")]
    assert shown.getvalue().splitlines() == [
        "Movie 3 (tt0000003): OMDb has no such movie.",
        "OMDb can't be reached.",
        "Seeding: 28/30 movies",
    ]


def test_a_failure_of_omdb_as_a_whole_is_one_line_and_no_progress() -> None:
    rejected = UpstreamUnauthorized("OMDb rejected the API key.")
    shown = io.StringIO()
    report = seed(FakeDatabase(), Omdb({each.imdb_id: rejected for each in PLAN}), shown)
    assert (report.stored, len(report.pending)) == (0, 30)
    assert shown.getvalue() == "OMDb rejected the API key.\n"


def test_the_next_run_retries_transient_errors_only() -> None:
    database = FakeDatabase()
    seed(
        database,
        Omdb({"tt0000003": NotFound("Not found."), "tt0000005": UpstreamUnavailable("Outage.")}),
    )
    omdb = Omdb()
    assert seed(database, omdb).stored == 1
    assert omdb.calls == ["tt0000005"]


def test_the_next_run_leaves_a_movie_to_the_client_that_requested_it_since() -> None:
    database = FakeDatabase()
    seed(database, Omdb({"tt0000005": UpstreamUnavailable("Outage.")}))
    FetchQueue(database).enqueue([ImdbIdLookup("tt0000005")], Requester("user:1"))
    omdb = Omdb()
    assert seed(database, omdb) == SeedingReport()
    assert omdb.calls == []


def test_workers_fetch_what_a_used_up_quota_has_postponed() -> None:
    database = FakeDatabase()
    omdb = Omdb({"tt0000005": UpstreamQuotaExceeded("Used up.", retry_after_seconds=90)})
    omdb.admission.pause = 90
    assert [movie.reason for movie in seed(database, omdb).pending] == ["Used up."]
    (postponed,) = [fetch for fetch in database.fetches.values() if fetch.state.is_open]
    assert (postponed.imdb_id, postponed.state) == ("tt0000005", FetchState.QUEUED)


@pytest.mark.parametrize("is_interrupted", [True, False])
def test_workers_are_notified_of_queued_fetches(*, is_interrupted: bool) -> None:
    database, notified = FakeDatabase(), list[int]()

    class InterruptedOmdb(Omdb):
        async def fetch(self, lookup: MovieLookup, purpose: Purpose) -> MovieFacts:
            if is_interrupted:
                raise SystemExit
            return await super().fetch(lookup, purpose)

    refusal = UpstreamQuotaExceeded("Used up.")
    refusal.is_refusal = True
    omdb = InterruptedOmdb({"tt0000005": refusal})
    fetches = FetchQueue(database, notified.extend)
    source = MovieSource(omdb.fetch, omdb.admission, 4)
    seeder = Seeder(database, fetches, source, PLAN, lambda: nullcontext(enter_result=True))
    with suppress(SystemExit):
        asyncio.run(seeder.run(ProgressBar("Seeding", "movies")))
    queued = [each.id for each in database.fetches.values() if each.state is FetchState.QUEUED]
    assert sorted(notified) == queued
    assert len(queued) == (30 if is_interrupted else 1)


def test_a_cancelled_movie_is_reported_and_not_tried_again() -> None:
    database = FakeDatabase()

    class CancellingOmdb(Omdb):
        async def fetch(self, lookup: MovieLookup, purpose: Purpose) -> MovieFacts:
            facts = await super().fetch(lookup, purpose)
            if facts.imdb_id == PLAN[5].imdb_id:
                FetchQueue(database).cancel(6)
            return facts

    report = seed(database, CancellingOmdb())
    assert report.stored == 29
    assert [movie.title for movie in report.pending] == ["Movie 5"]
    assert "cancelled" in report.pending[0].reason
    assert seed(database, Omdb()) == SeedingReport()


def test_an_interrupted_run_is_resumed() -> None:
    database = FakeDatabase()

    class InterruptedOmdb(Omdb):
        async def fetch(self, lookup: MovieLookup, purpose: Purpose) -> MovieFacts:
            facts = await super().fetch(lookup, purpose)
            while len(self.calls) > 9 and not database.movies:  # noqa: ASYNC110 - The seeder sets no event.
                await asyncio.sleep(0)
            if len(self.calls) > 9:
                raise SystemExit
            return facts

    with pytest.raises(SystemExit):
        seed(database, InterruptedOmdb(), concurrency=1)
    stored = len(database.movies)
    fetches = FetchQueue(database)
    claimed = fetches.claim(30)
    assert [fetch.attempts for fetch in claimed] == [1] * (30 - stored)
    fetches.release(claimed)
    report = seed(database, Omdb())
    assert len(database.movies) == 30
    assert report.stored == 30 - stored
    assert 0 < stored < 30


def test_a_cancelled_run_stores_what_it_is_storing_and_releases_the_rest() -> None:
    database, is_storing, goes_on = FakeDatabase(), threading.Event(), threading.Event()

    class SlowUnitOfWork(FakeUnitOfWork):
        def commit(self) -> None:
            if self.movies.revision() and not database.movies:
                is_storing.set()
                goes_on.wait()
            super().commit()

    def open_unit(*, is_read_only: bool = False) -> FakeUnitOfWork:
        return SlowUnitOfWork(database, is_read_only=is_read_only)

    async def scenario() -> None:
        seeder = seeder_of(open_unit, Omdb())
        seeding = asyncio.create_task(seeder.run(ProgressBar("Seeding", "movies")))
        await asyncio.to_thread(is_storing.wait)
        seeding.cancel()
        asyncio.get_running_loop().call_soon(goes_on.set)
        with pytest.raises(asyncio.CancelledError):
            await seeding

    asyncio.run(scenario())
    assert len(FetchQueue(database).claim(30)) == 30 - len(database.movies) < 30


def test_the_run_after_a_killed_one_takes_over_its_leases_at_once() -> None:
    database = FakeDatabase()
    assert len(seeder_of(database, Omdb())._lease_pending()) == 30
    assert FetchQueue(database).claim(30) == ()
    assert seed(database, Omdb()).stored == 30


def test_leases_are_renewed_while_movies_are_fetched(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("data_fetcher.seeding.seeder.RENEWAL_SECONDS", 0)
    database, failures = FakeDatabase(), [DatabaseUnavailable("Restarting.")]

    class FailingOnceUnitOfWork(FakeUnitOfWork):
        def commit(self) -> None:
            if database.fetches and failures:
                raise failures.pop()
            super().commit()

    def open_unit(*, is_read_only: bool = False) -> FakeUnitOfWork:
        return FailingOnceUnitOfWork(database, is_read_only=is_read_only)

    class SlowOmdb(Omdb):
        async def fetch(self, lookup: MovieLookup, purpose: Purpose) -> MovieFacts:
            leased = database.fetches[30]
            while database.fetches[30].lease_expires_at == leased.lease_expires_at:  # noqa: ASYNC110 - The seeder sets no event.
                await asyncio.sleep(0)
            monkeypatch.setattr("data_fetcher.seeding.seeder.RENEWAL_SECONDS", 60)
            return await super().fetch(lookup, purpose)

    seeder = seeder_of(open_unit, SlowOmdb(), concurrency=30)
    report = asyncio.run(seeder.run(ProgressBar("Seeding", "movies")))
    assert (report.stored, failures) == (30, [])


@pytest.mark.parametrize("is_first_seeding", [True, False])
def test_a_movie_that_a_worker_is_fetching_is_left_to_it(*, is_first_seeding: bool) -> None:
    database = FakeDatabase()
    fetches = FetchQueue(database)
    if is_first_seeding:
        fetches.enqueue([ImdbIdLookup("tt0000003")], Requester("user:1"))
    else:
        refusal = UpstreamQuotaExceeded("Used up.")
        refusal.is_refusal = True
        seed(database, Omdb({"tt0000003": refusal}))
    (claimed,) = fetches.claim(1)
    omdb = Omdb()
    seed(database, omdb)
    assert "tt0000003" not in omdb.calls
    fetches.complete([(claimed, MovieFacts(title="Movie 3", imdb_id="tt0000003"))])
    assert len(database.movies) == 30
    assert seed(database, omdb) == SeedingReport()


def test_waits_for_another_process_and_then_finds_nothing_to_do(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("data_fetcher.seeding.seeder.LOCK_POLL_SECONDS", 0)
    database, shown = FakeDatabase(), io.StringIO()
    seed(database, Omdb())
    held = iter([False, False, True])

    @contextmanager
    def try_lock() -> Iterator[bool]:
        yield next(held)

    omdb = Omdb()
    assert seed(database, omdb, shown, try_lock=try_lock) == SeedingReport()
    assert omdb.calls == []
    assert shown.getvalue() == ("Another process is seeding this catalogue: waiting for it.\n")


def test_a_database_error_ends_the_seeding() -> None:
    database = FakeDatabase()

    class FailingUnitOfWork(FakeUnitOfWork):
        def commit(self) -> None:
            if self.movies.revision():
                raise DatabaseUnavailable("The disk is full.")
            super().commit()

    def open_unit(*, is_read_only: bool = False) -> FakeUnitOfWork:
        return FailingUnitOfWork(database, is_read_only=is_read_only)

    seeder = seeder_of(open_unit, Omdb())
    with pytest.raises(DatabaseUnavailable):
        asyncio.run(seeder.run(ProgressBar("Seeding", "movies")))
    assert database.movies == {}
