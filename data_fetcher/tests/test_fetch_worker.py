"""The worker on a real database, with a source of a few lines."""

import asyncio
import datetime as dt
import time
from collections.abc import Awaitable, Callable

import pytest

from common.errors import Conflict, DatabaseUnavailable, NotFound, UpstreamUnavailable
from common.wake_up import Bell
from data_fetcher.fetch_queue.completion import Outcome, Settled
from data_fetcher.fetch_queue.deduplication_key import Wisher
from data_fetcher.fetch_queue.queue import Fetches
from data_fetcher.omdb.admission import Purpose
from data_fetcher.omdb.lookups import ImdbWish, TitleWish, Wish
from data_fetcher.workers import fetch_worker as module
from data_fetcher.workers.fetch_worker import FetchWorker, Source
from data_layer.database import Database
from data_layer.entities.fetch import Fetch, FetchQuery, FetchState
from data_layer.entities.movie import MovieFacts

pytestmark = pytest.mark.integration


class Omdb:
    """Has every film but those called Nothing."""

    def __init__(self) -> None:
        self.asked: list[Wish] = []
        self.at_once = self.at_once_max = 0
        self.pause = 0.0
        self.is_hanging = False

    async def __call__(self, wish: Wish, purpose: Purpose) -> MovieFacts:
        assert purpose is Purpose.WISH
        self.asked.append(wish)
        self.at_once += 1
        self.at_once_max = max(self.at_once, self.at_once_max)
        try:
            await asyncio.sleep(3600 if self.is_hanging else 0.005)
        finally:
            self.at_once -= 1
        if isinstance(wish, TitleWish):
            if wish.title == "Nothing":
                raise NotFound("OMDb has no such movie.")
            return MovieFacts(title=wish.title, imdb_id=f"tt{abs(hash(wish.title)) % 10**9:09}")
        return MovieFacts(title=f"Film {wish.imdb_id}", imdb_id=wish.imdb_id)

    def pause_seconds(self, _purpose: Purpose) -> float:
        return self.pause


@pytest.fixture
def omdb() -> Omdb:
    return Omdb()


def wish(fetches: Fetches, *wishes: Wish) -> tuple[Fetch, ...]:
    return fetches.wish(wishes, Wisher())


def films(count: int) -> list[Wish]:
    return [ImdbWish(f"tt{number:07}") for number in range(1, count + 1)]


def states(database: Database) -> set[FetchState]:
    return {each.state for each in Fetches(database.unit_of_work).list(FetchQuery(limit=1000))}


def work(
    fetches: Fetches,
    omdb: Omdb,
    until: Callable[[FetchWorker], Awaitable[object]],
    **options: object,
) -> FetchWorker:
    """Run a worker until something is so, and stop it."""

    async def scenario() -> FetchWorker:
        source = Source(omdb, omdb, concurrency=5)
        worker = FetchWorker(fetches, source, Bell(), poll_seconds=0.05, **options)  # type: ignore[arg-type]  # As given.
        working = asyncio.create_task(worker.run())
        async with asyncio.timeout(20):
            await until(worker)
        worker.stop()
        await working
        return worker

    return asyncio.run(scenario())


async def until(is_so: Callable[[], object]) -> None:
    while not is_so():  # noqa: ASYNC110 - It looks from outside.
        await asyncio.sleep(0.01)


def settled(count: int) -> Callable[[FetchWorker], Awaitable[None]]:
    async def wait(worker: FetchWorker) -> None:
        await until(lambda: worker.settled >= count)

    return wait


async def begun(worker: FetchWorker) -> None:
    await until(lambda: worker.in_hand)
    await asyncio.sleep(0.05)


def test_a_worker_fetches_what_was_wished_for_side_by_side(database: Database, omdb: Omdb) -> None:
    fetches = Fetches(database.unit_of_work)
    wish(fetches, *films(60), TitleWish("Nothing"))
    worker = work(fetches, omdb, settled(61))
    assert worker.settled == 61
    assert omdb.at_once_max == 5
    assert len(omdb.asked) == 61
    assert fetches.counts() == {FetchState.FETCHED: 60, FetchState.NOT_FOUND: 1}


def test_what_comes_while_it_waits_is_heard_of(database: Database, omdb: Omdb) -> None:
    fetches = Fetches(database.unit_of_work)

    async def wish_late(worker: FetchWorker) -> None:
        await asyncio.sleep(0.1)
        await asyncio.to_thread(wish, fetches, ImdbWish("tt0078748"))
        await settled(1)(worker)

    work(fetches, omdb, wish_late)
    assert states(database) == {FetchState.FETCHED}


def test_while_omdb_is_left_alone_nothing_is_taken(database: Database, omdb: Omdb) -> None:
    fetches = Fetches(database.unit_of_work)
    wish(fetches, *films(3))
    omdb.pause = 0.02

    async def look(worker: FetchWorker) -> None:
        await asyncio.sleep(0.2)
        assert (omdb.asked, worker.in_hand) == ([], 0)
        omdb.pause = 0
        await settled(3)(worker)

    work(fetches, omdb, look)


def test_what_is_not_begun_is_given_back_and_the_rest_finished(
    database: Database, omdb: Omdb
) -> None:
    fetches = Fetches(database.unit_of_work)
    wish(fetches, *films(15))
    omdb.is_hanging = True

    async def scenario() -> None:
        source = Source(omdb, omdb, concurrency=5)
        worker = FetchWorker(fetches, source, Bell(), poll_seconds=0.05)
        working = asyncio.create_task(worker.run())
        await begun(worker)
        worker.stop()
        await asyncio.sleep(0.2)
        counts = await asyncio.to_thread(fetches.counts)
        assert counts == {FetchState.FETCHING: 5, FetchState.QUEUED: 10}
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)

    asyncio.run(scenario())
    waiting = fetches.list(FetchQuery(limit=100))
    assert {(each.state, each.attempts, each.lease) for each in waiting} == {
        (FetchState.QUEUED, 0, None)
    }


def test_what_takes_too_long_is_given_back(
    database: Database, omdb: Omdb, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "STOP_SECONDS", 0.1)
    fetches = Fetches(database.unit_of_work)
    wish(fetches, *films(2))
    omdb.is_hanging = True
    started = time.monotonic()
    work(fetches, omdb, begun)
    assert time.monotonic() - started < 10
    assert states(database) == {FetchState.QUEUED}


class Troubled(Fetches):
    """Wishes in a database that fails a few times."""

    errors: list[Exception]

    def settle(self, *args: object, **options: object) -> tuple[Settled, ...]:
        if self.errors:
            raise self.errors.pop()
        return super().settle(*args, **options)  # type: ignore[arg-type]  # As given.


@pytest.mark.parametrize(
    "errors",
    [
        [DatabaseUnavailable("Away."), DatabaseUnavailable("Away.")],
        [Conflict("Somebody was faster.")],
        [Conflict("Somebody was faster."), Conflict("Again.")],
    ],
)
def test_outcomes_are_kept_until_they_are_stored(
    database: Database, omdb: Omdb, errors: list[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_PAUSES_SECONDS", (0.01, 0.02))
    fetches = Troubled(database.unit_of_work)
    fetches.errors = list(errors)
    wish(fetches, *films(3))
    worker = work(fetches, omdb, settled(3))
    assert worker.settled == 3
    assert fetches.errors == []
    assert states(database) == {FetchState.FETCHED}


def test_a_film_that_can_not_be_stored_keeps_no_other_from_it(
    database: Database, omdb: Omdb, capsys: pytest.CaptureFixture[str]
) -> None:
    fetches = Troubled(database.unit_of_work)
    settle = fetches.settle

    def settle_but_one(outcomes: list[tuple[Fetch, Outcome]], **options: object) -> object:
        if any(
            isinstance(facts, MovieFacts) and facts.imdb_id == "tt0000002" for _, facts in outcomes
        ):
            raise ValueError("What is that?")
        return settle(outcomes, **options)

    fetches.errors, fetches.settle = [], settle_but_one  # type: ignore[method-assign, assignment]  # A poison.
    wish(fetches, *films(3))
    work(fetches, omdb, settled(3))
    assert fetches.counts() == {FetchState.FETCHED: 2, FetchState.FAILED: 1}
    assert "a film could not be stored" in capsys.readouterr().out


def test_what_nobody_has_thought_of_ends_no_worker(
    database: Database, omdb: Omdb, capsys: pytest.CaptureFixture[str]
) -> None:
    fetches = Troubled(database.unit_of_work)
    fetches.errors = [ValueError("Settle."), ValueError("Settle.")]
    claim, claims = fetches.claim, iter([ValueError("Claim.")])

    def claim_later(*args: int) -> tuple[Fetch, ...]:
        if (error := next(claims, None)) is not None:
            raise error
        return claim(*args)

    async def ask_badly(wish: Wish, purpose: Purpose) -> MovieFacts:
        raise ValueError("Ask.")

    fetches.claim = claim_later  # type: ignore[method-assign, assignment]  # It fails once.
    wish(fetches, *films(1))

    async def scenario() -> None:
        worker = FetchWorker(fetches, Source(ask_badly, omdb, 5), Bell(), poll_seconds=0.02)
        working = asyncio.create_task(worker.run())
        await until(lambda: not fetches.errors)
        await asyncio.sleep(0.2)
        worker.stop()
        await working

    asyncio.run(scenario())
    text = capsys.readouterr().out
    for sentence in ("wishes could not be taken", "could not be fetched", "a wish is left"):
        assert sentence in text
    assert states(database) == {FetchState.FETCHING}


def test_a_worker_that_is_stopped_does_not_wait_for_the_database(
    database: Database, omdb: Omdb, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "STOP_SECONDS", 0.3)
    fetches = Troubled(database.unit_of_work)
    fetches.errors = [DatabaseUnavailable("Away.")] * 100
    wish(fetches, *films(1))

    async def failed_once(worker: FetchWorker) -> None:
        await until(lambda: len(fetches.errors) < 100)

    work(fetches, omdb, failed_once)
    assert states(database) <= {FetchState.QUEUED, FetchState.FETCHING}


def test_work_is_done_beside_and_its_failures_are_told(
    database: Database,
    omdb: Omdb,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "IDLE_SECONDS", 0.01)
    runs: list[int] = []

    async def when_idle() -> None:
        runs.append(len(runs))
        raise UpstreamUnavailable("OMDb has trouble.")

    async def ran_twice(_worker: FetchWorker) -> None:
        await until(lambda: len(runs) >= 2)

    work(Fetches(database.unit_of_work), omdb, ran_twice, when_idle=when_idle)
    assert "films were not looked at again" in capsys.readouterr().out


def test_old_wishes_are_forgotten(database: Database, omdb: Omdb) -> None:
    ago = dt.datetime.now(dt.UTC) - dt.timedelta(days=31)
    old = Fetches(database.unit_of_work, clock=lambda: ago)
    (fetch,) = wish(old, ImdbWish("tt0078748"))
    old.cancel(fetch.known_id)
    fetches = Fetches(database.unit_of_work)

    async def forgotten(_worker: FetchWorker) -> None:
        await until(lambda: not fetches.counts())

    work(fetches, omdb, forgotten)


def test_a_bell_without_a_loop_is_heard_by_nobody() -> None:
    async def make() -> Bell:
        bell = Bell()
        await bell.wait(0)
        bell.ring()
        await bell.wait(5)
        return bell

    asyncio.run(make()).ring()
