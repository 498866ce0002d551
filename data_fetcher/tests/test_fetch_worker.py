"""Tests of the fetch worker on a real database, with a fake OMDb."""

import asyncio
import datetime as dt
import time
from collections.abc import Awaitable, Callable

import pytest

from common.errors import DatabaseLimitExceeded, DatabaseUnavailable, NotFound, UpstreamUnavailable
from common.shutdown import ShutdownSignal
from common.wake_up import WakeUpEvent
from data_fetcher.fetch_queue.completion import CompletedFetch, Outcome
from data_fetcher.fetch_queue.deduplication_key import Requester
from data_fetcher.fetch_queue.movie_source import MovieSource
from data_fetcher.fetch_queue.queue import FetchQueue
from data_fetcher.omdb.admission import Purpose
from data_fetcher.omdb.lookups import ImdbIdLookup, MovieLookup, TitleLookup
from data_fetcher.tests.stub_admission import StubAdmission
from data_fetcher.workers import fetch_worker as module
from data_fetcher.workers.fetch_worker import FetchWorker
from data_layer.database import Database
from data_layer.entities.fetch import Fetch, FetchQuery, FetchState
from data_layer.entities.movie import MovieFacts

pytestmark = pytest.mark.integration


class Omdb(StubAdmission):
    """Fake OMDb that has every movie except those titled Nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.lookups: list[MovieLookup] = []
        self.in_flight = self.in_flight_peak = 0
        self.is_hanging = False

    async def __call__(self, lookup: MovieLookup, purpose: Purpose) -> MovieFacts:
        assert purpose is Purpose.BACKGROUND
        self.lookups.append(lookup)
        self.in_flight += 1
        self.in_flight_peak = max(self.in_flight, self.in_flight_peak)
        try:
            await asyncio.sleep(3600 if self.is_hanging else 0.005)
        finally:
            self.in_flight -= 1
        if isinstance(lookup, TitleLookup):
            if lookup.title == "Nothing":
                raise NotFound("OMDb has no such movie.")
            return MovieFacts(title=lookup.title, imdb_id=f"tt{abs(hash(lookup.title)) % 10**9:09}")
        return MovieFacts(title=f"Movie {lookup.imdb_id}", imdb_id=lookup.imdb_id)


@pytest.fixture
def omdb() -> Omdb:
    return Omdb()


def enqueue(fetches: FetchQueue, *lookups: MovieLookup) -> tuple[Fetch, ...]:
    return fetches.enqueue(lookups, Requester())


def movies(count: int) -> list[MovieLookup]:
    return [ImdbIdLookup(f"tt{number:07}") for number in range(1, count + 1)]


def states(database: Database) -> set[FetchState]:
    return {each.state for each in FetchQueue(database.unit_of_work).list(FetchQuery(limit=1000))}


def work(
    fetches: FetchQueue,
    omdb: Omdb,
    until: Callable[[FetchWorker], Awaitable[object]],
    **options: object,
) -> FetchWorker:
    """Run a worker until the given coroutine returns, and stop it."""

    async def scenario() -> FetchWorker:
        source, shutdown = MovieSource(omdb, omdb, concurrency=5), ShutdownSignal()
        worker = FetchWorker(
            fetches,
            source,
            WakeUpEvent(),
            shutdown,
            poll_seconds=0.05,
            **options,  # type: ignore[arg-type]  # Of any type.
        )
        working = asyncio.create_task(worker.run())
        async with asyncio.timeout(20):
            await until(worker)
        shutdown.trigger()
        await working
        return worker

    return asyncio.run(scenario())


async def until(condition: Callable[[], object]) -> None:
    while not condition():  # noqa: ASYNC110 - The worker sets no event.
        await asyncio.sleep(0.01)


def completed(count: int) -> Callable[[FetchWorker], Awaitable[None]]:
    async def wait(worker: FetchWorker) -> None:
        await until(lambda: worker.completed >= count)

    return wait


async def has_started(worker: FetchWorker) -> None:
    await until(lambda: worker.leased_count)
    await asyncio.sleep(0.05)


def test_a_worker_fetches_requested_movies_concurrently(database: Database, omdb: Omdb) -> None:
    fetches = FetchQueue(database.unit_of_work)
    enqueue(fetches, *movies(60), TitleLookup("Nothing"))
    worker = work(fetches, omdb, completed(61))
    assert worker.completed == 61
    assert omdb.in_flight_peak == 5
    assert len(omdb.lookups) == 61
    assert fetches.counts() == {FetchState.FETCHED: 60, FetchState.NOT_FOUND: 1}


def test_a_waiting_worker_finds_a_new_fetch(database: Database, omdb: Omdb) -> None:
    fetches = FetchQueue(database.unit_of_work)

    async def enqueue_late(worker: FetchWorker) -> None:
        await asyncio.sleep(0.1)
        await asyncio.to_thread(enqueue, fetches, ImdbIdLookup("tt0078748"))
        await completed(1)(worker)

    work(fetches, omdb, enqueue_late)
    assert states(database) == {FetchState.FETCHED}


def test_nothing_is_claimed_while_omdb_requests_are_paused(database: Database, omdb: Omdb) -> None:
    fetches = FetchQueue(database.unit_of_work)
    enqueue(fetches, *movies(3))
    omdb.pause = 0.02

    async def check(worker: FetchWorker) -> None:
        await asyncio.sleep(0.2)
        assert (omdb.lookups, worker.leased_count) == ([], 0)
        omdb.pause = 0
        await completed(3)(worker)

    work(fetches, omdb, check)


def test_a_stopping_worker_releases_what_was_not_started(database: Database, omdb: Omdb) -> None:
    fetches = FetchQueue(database.unit_of_work)
    enqueue(fetches, *movies(15))
    omdb.is_hanging = True

    async def scenario() -> None:
        source, shutdown = MovieSource(omdb, omdb, concurrency=5), ShutdownSignal()
        worker = FetchWorker(fetches, source, WakeUpEvent(), shutdown, poll_seconds=0.05)
        working = asyncio.create_task(worker.run())
        await has_started(worker)
        shutdown.trigger()
        await asyncio.sleep(0.2)
        counts = await asyncio.to_thread(fetches.counts)
        assert counts == {FetchState.FETCHING: 5, FetchState.QUEUED: 10}
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)

    asyncio.run(scenario())
    released = fetches.list(FetchQuery(limit=100))
    assert {(each.state, each.attempts, each.lease_holder) for each in released} == {
        (FetchState.QUEUED, 0, None)
    }


def test_a_stopping_worker_releases_what_takes_too_long(
    database: Database, omdb: Omdb, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "STOP_SECONDS", 0.1)
    fetches = FetchQueue(database.unit_of_work)
    enqueue(fetches, *movies(2))
    omdb.is_hanging = True
    started = time.monotonic()
    work(fetches, omdb, has_started)
    assert time.monotonic() - started < 10
    assert states(database) == {FetchState.QUEUED}


class FailingQueue(FetchQueue):
    """Fetch queue whose `complete` raises the given errors first, the last one first."""

    errors: list[Exception]

    def complete(self, *args: object, **options: object) -> tuple[CompletedFetch, ...]:
        if self.errors:
            raise self.errors.pop()
        return super().complete(*args, **options)  # type: ignore[arg-type]  # Of any type.


def test_outcomes_are_kept_until_they_are_stored(
    database: Database, omdb: Omdb, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_BACKOFF_SECONDS", (0.01, 0.02))
    fetches = FailingQueue(database.unit_of_work)
    fetches.errors = [DatabaseUnavailable("Unavailable.") for _ in range(2)]
    enqueue(fetches, *movies(3))
    worker = work(fetches, omdb, completed(3))
    assert worker.completed == 3
    assert fetches.errors == []
    assert states(database) == {FetchState.FETCHED}


@pytest.mark.parametrize(
    ("error", "message", "is_logged"),
    [
        (ValueError("Unexpected."), "The movie could not be stored: internal error", True),
        (DatabaseLimitExceeded("Too large."), "Too large.", False),
    ],
)
def test_a_movie_that_cannot_be_stored_does_not_affect_others(
    database: Database,
    omdb: Omdb,
    capsys: pytest.CaptureFixture[str],
    error: Exception,
    message: str,
    *,
    is_logged: bool,
) -> None:
    fetches = FailingQueue(database.unit_of_work)
    complete = fetches.complete

    def complete_all_but_one(outcomes: list[tuple[Fetch, Outcome]], **options: object) -> object:
        if any(
            isinstance(facts, MovieFacts) and facts.imdb_id == "tt0000002" for _, facts in outcomes
        ):
            raise error
        return complete(outcomes, **options)

    fetches.errors, fetches.complete = [], complete_all_but_one  # type: ignore[method-assign, assignment]  # A stub.
    enqueue(fetches, *movies(3))
    work(fetches, omdb, completed(3))
    assert fetches.counts() == {FetchState.FETCHED: 2, FetchState.FAILED: 1}
    (failed,) = fetches.list(FetchQuery(state=FetchState.FAILED))
    assert str(failed.error_message).startswith(message)
    assert ("movie_store_failed" in capsys.readouterr().out) is is_logged


def test_unexpected_errors_do_not_end_the_worker(
    database: Database, omdb: Omdb, capsys: pytest.CaptureFixture[str]
) -> None:
    fetches = FailingQueue(database.unit_of_work)
    fetches.errors = [ValueError("Complete."), ValueError("Complete.")]
    claim, claim_errors = fetches.claim, iter([ValueError("Claim.")])

    def claim_later(*args: int) -> tuple[Fetch, ...]:
        if (error := next(claim_errors, None)) is not None:
            raise error
        return claim(*args)

    async def fetch_badly(lookup: MovieLookup, purpose: Purpose) -> MovieFacts:
        raise ValueError("Fetch.")

    fetches.claim = claim_later  # type: ignore[method-assign, assignment]  # A stub.
    enqueue(fetches, *movies(1))

    async def scenario() -> None:
        source, shutdown = MovieSource(fetch_badly, omdb, 5), ShutdownSignal()
        worker = FetchWorker(fetches, source, WakeUpEvent(), shutdown, poll_seconds=0.02)
        working = asyncio.create_task(worker.run())
        await until(lambda: not fetches.errors)
        await asyncio.sleep(0.2)
        shutdown.trigger()
        await working

    asyncio.run(scenario())
    log = capsys.readouterr().out
    for event in ("fetch_claim_failed", "fetch_failed", "fetch_abandoned_until_lease_expiry"):
        assert event in log
    assert states(database) == {FetchState.FETCHING}


def test_a_stopping_worker_does_not_wait_for_the_database(
    database: Database, omdb: Omdb, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "STOP_SECONDS", 0.3)
    fetches = FailingQueue(database.unit_of_work)
    fetches.errors = [DatabaseUnavailable("Unavailable.")] * 100
    enqueue(fetches, *movies(1))

    async def has_failed(worker: FetchWorker) -> None:
        await until(lambda: len(fetches.errors) < 100)

    work(fetches, omdb, has_failed)
    assert states(database) <= {FetchState.QUEUED, FetchState.FETCHING}


def test_idle_work_runs_repeatedly_and_its_errors_are_logged(
    database: Database,
    omdb: Omdb,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "IDLE_SECONDS", 0.01)
    runs: list[int] = []

    async def when_idle() -> None:
        runs.append(len(runs))
        raise UpstreamUnavailable("OMDb returned an error; retry later.")

    async def has_run_twice(_worker: FetchWorker) -> None:
        await until(lambda: len(runs) >= 2)

    work(FetchQueue(database.unit_of_work), omdb, has_run_twice, when_idle=when_idle)
    assert "movie_refresh_failed" in capsys.readouterr().out


def test_old_fetches_are_purged(database: Database, omdb: Omdb) -> None:
    past = dt.datetime.now(dt.UTC) - dt.timedelta(days=31)
    old = FetchQueue(database.unit_of_work, clock=lambda: past)
    (fetch,) = enqueue(old, ImdbIdLookup("tt0078748"))
    old.cancel(fetch.known_id)
    fetches = FetchQueue(database.unit_of_work)

    async def are_purged(_worker: FetchWorker) -> None:
        await until(lambda: not fetches.counts())

    work(fetches, omdb, are_purged)


def test_setting_a_wake_up_event_after_its_loop_has_ended_is_harmless() -> None:
    async def make() -> WakeUpEvent:
        wake_up_event = WakeUpEvent()
        await wake_up_event.wait(0)
        wake_up_event.set()
        await wake_up_event.wait(5)
        return wake_up_event

    asyncio.run(make()).set()
