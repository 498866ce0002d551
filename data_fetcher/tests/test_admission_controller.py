"""The quota, the breaker and the pace; on memory, at times that tests set."""

import asyncio
import datetime as dt
from collections.abc import Awaitable, Callable

import pytest
from aiolimiter import AsyncLimiter

from common.errors import (
    DatabaseUnavailable,
    MoviesError,
    NotFound,
    UpstreamInvalid,
    UpstreamQuota,
    UpstreamRefused,
    UpstreamTimeout,
    UpstreamUnavailable,
)
from data_fetcher.omdb.admission import Purpose
from data_fetcher.throttling.admission_controller import UpstreamCare
from data_fetcher.throttling.circuit_breaker import FAILURES_MAX, PROBE_SECONDS
from data_fetcher.throttling.daily_quota import LOT_MAX, Quota
from data_layer.entities.upstream_state import Upstream
from data_layer.testing.fakes.unit_of_work import FakeDatabase, FakeUnitOfWork

NOON = dt.datetime(2026, 11, 21, 12, tzinfo=dt.UTC)
TROUBLE = UpstreamUnavailable("OMDb has trouble at the moment.")


class World:
    """A database, a time, and as many processes as a test likes."""

    def __init__(self) -> None:
        self.database = FakeDatabase()
        self.now = NOON
        self.is_away = False

    def open(self, *, is_read_only: bool = False) -> FakeUnitOfWork:
        if self.is_away:
            raise DatabaseUnavailable("The database is away.")
        return self.database(is_read_only=is_read_only)

    def care(self, limit: int | None = None, reserve: int = 0) -> UpstreamCare:
        return UpstreamCare(self.open, Quota(limit, reserve), clock=lambda: self.now)

    def pass_time(self, seconds: float) -> None:
        self.now += dt.timedelta(seconds=seconds)

    @property
    def upstream(self) -> Upstream:
        assert self.database.upstream is not None
        return self.database.upstream


@pytest.fixture
def world() -> World:
    return World()


def run(scenario: Callable[[], Awaitable[None]]) -> None:
    async def whole() -> None:
        await scenario()

    asyncio.run(whole())


async def is_admitted(care: UpstreamCare, purpose: Purpose = Purpose.DIRECT) -> MoviesError | None:
    """The error with which an attempt is refused; nothing where it may begin."""
    try:
        await care.admit(purpose)
    except MoviesError as error:
        return error
    return None


async def fail(care: UpstreamCare, error: MoviesError, times: int = 1) -> None:
    for _ in range(times):
        await care.note(error)


def test_each_direct_attempt_counts_and_the_day_has_an_end(world: World) -> None:
    async def scenario() -> None:
        care, other = world.care(limit=3), world.care(limit=3)
        assert [await is_admitted(each) for each in (care, other, care)] == [None] * 3
        assert world.upstream.spent == 3
        refusal = await is_admitted(other)
        assert isinstance(refusal, UpstreamQuota)
        assert refusal.retry_after_seconds == 12 * 3600
        assert other.pause_seconds(Purpose.DIRECT) == 12 * 3600
        world.pass_time(12 * 3600)
        assert await is_admitted(other) is None
        assert (world.upstream.spent, world.upstream.day.day) == (1, 22)

    run(scenario)


def test_those_who_wait_for_nothing_leave_a_reserve(world: World) -> None:
    async def scenario() -> None:
        care = world.care(limit=100, reserve=20)
        refresh = wish = 0
        while await is_admitted(care, Purpose.REFRESH) is None:
            refresh += 1
        while await is_admitted(care, Purpose.WISH) is None:
            wish += 1
        direct = 0
        while await is_admitted(care) is None:
            direct += 1
        assert (refresh, wish, direct) == (50, 30, 20)
        assert isinstance(await is_admitted(care, Purpose.SEED), UpstreamQuota)
        assert world.upstream.spent == 100

    run(scenario)


def test_a_reserve_larger_than_the_limit_leaves_all_to_those_who_wait(world: World) -> None:
    async def scenario() -> None:
        care = world.care(limit=5, reserve=100)
        assert isinstance(await is_admitted(care, Purpose.WISH), UpstreamQuota)
        assert [await is_admitted(care) for _ in range(5)] == [None] * 5

    run(scenario)


def test_lots_are_small_where_little_is_left_and_what_is_unused_is_given_back(
    world: World,
) -> None:
    async def scenario() -> None:
        care = world.care(limit=1000)
        await care.admit(Purpose.WISH)
        assert world.upstream.spent == 50
        await care.close()
        assert world.upstream.spent == 1
        await care.close()
        assert world.upstream.spent == 1
        last = world.care(limit=10)
        await last.admit(Purpose.WISH)
        assert world.upstream.spent == 2
        endless = world.care()
        await asyncio.gather(*(endless.admit(Purpose.WISH) for _ in range(LOT_MAX)))
        assert world.upstream.spent == 2 + LOT_MAX

    run(scenario)


def test_a_lot_of_yesterday_is_worth_nothing(world: World) -> None:
    async def scenario() -> None:
        care = world.care(limit=1000)
        await care.admit(Purpose.WISH)
        world.pass_time(86_400)
        await care.admit(Purpose.WISH)
        assert world.upstream.spent == 50
        world.pass_time(86_400)
        await care.close()
        assert world.upstream.spent == 50

    run(scenario)


def test_trouble_closes_omdb_for_all_and_longer_each_time(world: World) -> None:
    async def scenario() -> None:
        care, other = world.care(), world.care()
        await fail(care, TROUBLE, FAILURES_MAX - 1)
        assert await is_admitted(other) is None
        await care.note(UpstreamTimeout("OMDb did not answer in time."))
        for seconds in (10, 20, 40, 80, 160, 300, 300):
            refusal = await is_admitted(care)
            assert isinstance(refusal, UpstreamUnavailable)
            assert refusal.retry_after_seconds == seconds + 1
            assert care.pause_seconds(Purpose.WISH) == seconds
            assert isinstance(await is_admitted(other), UpstreamUnavailable)
            world.pass_time(seconds)
            assert care.pause_seconds(Purpose.WISH) == 0
            assert await is_admitted(care) is None
            assert await is_admitted(other) is not None
            await care.note(TROUBLE)
        assert world.upstream.error_code == "upstream-unavailable"

    run(scenario)


def test_a_success_opens_it_again(world: World) -> None:
    async def scenario() -> None:
        care, other = world.care(), world.care()
        await fail(care, TROUBLE, FAILURES_MAX)
        world.pass_time(10)
        await care.admit(Purpose.WISH)
        await care.note(None)
        assert world.upstream.failures == 0
        assert world.upstream.closed_until is None
        assert await is_admitted(other) is None
        await care.note(None)

    run(scenario)


def test_a_probe_that_dies_is_followed_by_another_one(world: World) -> None:
    async def scenario() -> None:
        care, other = world.care(), world.care()
        await fail(care, TROUBLE, FAILURES_MAX)
        world.pass_time(10)
        await care.admit(Purpose.WISH)
        assert await is_admitted(other) is not None
        world.pass_time(PROBE_SECONDS)
        assert await is_admitted(other) is None

    run(scenario)


def test_failures_in_a_row_are_what_counts(world: World) -> None:
    async def scenario() -> None:
        care = world.care()
        for _ in range(3):
            await fail(care, TROUBLE, FAILURES_MAX - 1)
            await care.note(None)
        assert await is_admitted(care) is None

    run(scenario)


@pytest.mark.parametrize("error", [NotFound("No."), UpstreamInvalid("What?")])
def test_what_says_something_of_one_film_closes_nothing(world: World, error: MoviesError) -> None:
    async def scenario() -> None:
        care = world.care()
        await fail(care, error, 3 * FAILURES_MAX)
        assert await is_admitted(care) is None

    run(scenario)


@pytest.mark.parametrize(
    ("error", "seconds"),
    [
        (UpstreamRefused("OMDb does not accept the API key: check OMDB_API_KEY."), 60),
        (UpstreamQuota("Spent."), 3_600),
        (UpstreamQuota("Spent.", retry_after_seconds=120), 120),
    ],
)
def test_a_refusal_closes_at_once_and_says_why(
    world: World, error: MoviesError, seconds: int
) -> None:
    async def scenario() -> None:
        care = world.care()
        await care.note(error)
        refusal = await is_admitted(care)
        assert type(refusal) is type(error)
        assert refusal.message == error.message
        assert care.pause_seconds(Purpose.DIRECT) == seconds

    run(scenario)


def test_a_new_key_is_tried_at_the_next_start(world: World) -> None:
    async def scenario() -> None:
        await world.care().note(UpstreamRefused("Key."))
        care = world.care()
        await care.forget_refusal()
        assert await is_admitted(care) is None
        await care.note(UpstreamQuota("Spent."))
        await care.forget_refusal()
        assert await is_admitted(care) is not None

    run(scenario)


def test_without_a_database_nobody_asks_and_failures_still_count(world: World) -> None:
    async def scenario() -> None:
        care = world.care()
        world.is_away = True
        assert isinstance(await is_admitted(care), DatabaseUnavailable)
        await fail(care, TROUBLE, FAILURES_MAX)
        assert care.pause_seconds(Purpose.WISH) == 10
        assert isinstance(await is_admitted(care), UpstreamUnavailable)

    run(scenario)


def test_a_clock_that_jumps_gives_no_second_day_and_closes_for_no_year(world: World) -> None:
    async def scenario() -> None:
        care = world.care(limit=2)
        await care.admit(Purpose.DIRECT)
        world.pass_time(-86_400)
        await care.admit(Purpose.DIRECT)
        assert isinstance(await is_admitted(care), UpstreamQuota)
        world.pass_time(86_400)
        assert isinstance(await is_admitted(care), UpstreamQuota)
        other = world.care()
        world.pass_time(365 * 86_400)
        await other.note(UpstreamRefused("Key."))
        world.pass_time(-365 * 86_400)
        assert await is_admitted(other) is None

    run(scenario)


def test_a_pace_is_kept(world: World) -> None:
    async def scenario() -> None:
        pace = AsyncLimiter(2, 3_600)
        care = UpstreamCare(world.open, Quota(), pace, clock=lambda: world.now)
        await care.admit(Purpose.DIRECT)
        await care.admit(Purpose.DIRECT)
        assert not pace.has_capacity()

    run(scenario)


def test_what_is_known_can_be_looked_at(world: World) -> None:
    async def scenario() -> None:
        care = world.care(limit=10)
        assert care.look().spent == 0
        await world.care(limit=10).admit(Purpose.DIRECT)
        assert care.look().spent == 1
        quota = Quota(10)
        assert quota.left(care.look(), NOON.date()) == 9
        assert Quota().left(care.look(), NOON.date()) is None

    run(scenario)
