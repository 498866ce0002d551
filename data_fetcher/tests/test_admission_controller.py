"""Tests of quota, circuit breaker and rate limit, on the fake database with a fake clock."""

import asyncio
import datetime as dt
from collections.abc import Awaitable, Callable

import pytest
from aiolimiter import AsyncLimiter

from common.errors import (
    DatabaseUnavailable,
    MoviesError,
    NotFound,
    UpstreamBadResponse,
    UpstreamQuotaExceeded,
    UpstreamTimeout,
    UpstreamUnauthorized,
    UpstreamUnavailable,
)
from data_fetcher.omdb.admission import Admission, Purpose
from data_fetcher.throttling.admission_controller import UpstreamAdmission
from data_fetcher.throttling.circuit_breaker import FAILURES_MAX, PROBE_SECONDS
from data_fetcher.throttling.daily_quota import QUOTA_BATCH_MAX, Quota
from data_layer.entities.upstream_state import SOURCE, UpstreamState
from data_layer.testing.fakes.unit_of_work import FakeDatabase, FakeUnitOfWork

NOON = dt.datetime(2026, 11, 21, 12, tzinfo=dt.UTC)
OUTAGE = UpstreamUnavailable("OMDb returned an error; retry later.")


class World:
    """Fake database and clock that any number of admission controllers share."""

    def __init__(self) -> None:
        self.database = FakeDatabase()
        self.now = NOON
        self.is_unavailable = False

    def open(self, *, is_read_only: bool = False) -> FakeUnitOfWork:
        if self.is_unavailable:
            raise DatabaseUnavailable("The database is unavailable.")
        return self.database(is_read_only=is_read_only)

    def admission(self, limit: int | None = None, reserve: int = 0) -> UpstreamAdmission:
        return UpstreamAdmission(self.open, Quota(limit, reserve), clock=lambda: self.now)

    def pass_time(self, seconds: float) -> None:
        self.now += dt.timedelta(seconds=seconds)

    @property
    def upstream(self) -> UpstreamState:
        state: UpstreamState = self.database.upstream_state[SOURCE]
        return state


@pytest.fixture
def world() -> World:
    return World()


def run(scenario: Callable[[], Awaitable[None]]) -> None:
    async def main() -> None:
        await scenario()

    asyncio.run(main())


async def find_rejection(
    admission: UpstreamAdmission, purpose: Purpose = Purpose.INTERACTIVE
) -> MoviesError | None:
    """Return the error with which an attempt is rejected; None if it is admitted."""
    try:
        await admission.admit(purpose)
    except MoviesError as error:
        return error
    return None


async def fail(admission: UpstreamAdmission, error: MoviesError, times: int = 1) -> None:
    for _ in range(times):
        await admission.record_outcome(Admission(), error)


def test_each_interactive_attempt_counts_until_the_daily_limit(world: World) -> None:
    async def scenario() -> None:
        admission, other = world.admission(limit=3), world.admission(limit=3)
        assert [await find_rejection(each) for each in (admission, other, admission)] == [None] * 3
        assert world.upstream.quota_used == 3
        rejection = await find_rejection(other)
        assert isinstance(rejection, UpstreamQuotaExceeded)
        assert rejection.message == (
            "Daily OMDb quota used up (3 of 3 requests); the count restarts at 00:00 UTC."
        )
        assert rejection.retry_after_seconds == 12 * 3600
        assert other.seconds_until_admitted(Purpose.INTERACTIVE) == 12 * 3600
        world.pass_time(12 * 3600)
        assert await find_rejection(other) is None
        assert (world.upstream.quota_used, world.upstream.quota_day.day) == (1, 22)

    run(scenario)


def test_background_work_leaves_a_reserve(world: World) -> None:
    async def scenario() -> None:
        admission = world.admission(limit=100, reserve=20)
        refresh = background = interactive = 0
        while await find_rejection(admission, Purpose.REFRESH) is None:
            refresh += 1
        while await find_rejection(admission, Purpose.BACKGROUND) is None:
            background += 1
        while await find_rejection(admission) is None:
            interactive += 1
        assert (refresh, background, interactive) == (50, 30, 20)
        assert isinstance(await find_rejection(admission, Purpose.SEED), UpstreamQuotaExceeded)
        assert world.upstream.quota_used == 100

    run(scenario)


@pytest.mark.parametrize(
    ("purpose", "used", "reserved_for"),
    [
        (Purpose.BACKGROUND, "1,200", "interactive requests"),
        (Purpose.SEED, "1,200", "interactive requests"),
        (Purpose.REFRESH, "1,000", "requested movies"),
    ],
)
def test_the_quota_error_names_the_reserve(
    world: World, purpose: Purpose, used: str, reserved_for: str
) -> None:
    async def scenario() -> None:
        admission = world.admission(limit=2_000, reserve=800)
        while (rejection := await find_rejection(admission, purpose)) is None:
            pass
        assert isinstance(rejection, UpstreamQuotaExceeded)
        assert rejection.message == (
            f"Daily OMDb quota used up ({used} of 2,000 requests); the rest is reserved for"
            f" {reserved_for}; the count restarts at 00:00 UTC."
        )

    run(scenario)


def test_a_reserve_larger_than_the_limit_leaves_all_to_interactive_requests(world: World) -> None:
    async def scenario() -> None:
        admission = world.admission(limit=5, reserve=100)
        assert isinstance(
            await find_rejection(admission, Purpose.BACKGROUND), UpstreamQuotaExceeded
        )
        assert [await find_rejection(admission) for _ in range(5)] == [None] * 5

    run(scenario)


def test_batches_shrink_with_the_remaining_quota_and_unused_requests_are_returned(
    world: World,
) -> None:
    async def scenario() -> None:
        admission = world.admission(limit=1000)
        await admission.admit(Purpose.BACKGROUND)
        assert world.upstream.quota_used == 50
        await admission.close()
        assert world.upstream.quota_used == 1
        await admission.close()
        assert world.upstream.quota_used == 1
        last = world.admission(limit=10)
        await last.admit(Purpose.BACKGROUND)
        assert world.upstream.quota_used == 2
        unlimited = world.admission()
        await asyncio.gather(*(unlimited.admit(Purpose.BACKGROUND) for _ in range(QUOTA_BATCH_MAX)))
        assert world.upstream.quota_used == 2 + QUOTA_BATCH_MAX

    run(scenario)


def test_a_batch_of_the_previous_day_is_discarded(world: World) -> None:
    async def scenario() -> None:
        admission = world.admission(limit=1000)
        await admission.admit(Purpose.BACKGROUND)
        world.pass_time(86_400)
        await admission.admit(Purpose.BACKGROUND)
        assert world.upstream.quota_used == 50
        world.pass_time(86_400)
        await admission.close()
        assert world.upstream.quota_used == 50

    run(scenario)


def test_failures_open_the_circuit_for_all_processes_and_longer_each_time(world: World) -> None:
    async def scenario() -> None:
        admission, other = world.admission(), world.admission()
        await fail(admission, OUTAGE, FAILURES_MAX - 1)
        assert await find_rejection(other) is None
        await fail(admission, UpstreamTimeout("OMDb did not answer in time."))
        for seconds in (10, 20, 40, 80, 160, 300, 300):
            rejection = await find_rejection(admission)
            assert isinstance(rejection, UpstreamUnavailable)
            assert rejection.retry_after_seconds == seconds + 1
            assert admission.seconds_until_admitted(Purpose.BACKGROUND) == seconds
            assert isinstance(await find_rejection(other), UpstreamUnavailable)
            world.pass_time(seconds)
            assert admission.seconds_until_admitted(Purpose.BACKGROUND) == 0
            probe = await admission.admit(Purpose.INTERACTIVE)
            assert await find_rejection(other) is not None
            await admission.record_outcome(probe, OUTAGE)
        assert world.upstream.error_code == "upstream-unavailable"

    run(scenario)


def test_a_success_closes_the_circuit(world: World) -> None:
    async def scenario() -> None:
        admission, other = world.admission(), world.admission()
        await fail(admission, OUTAGE, FAILURES_MAX)
        world.pass_time(10)
        probe = await admission.admit(Purpose.BACKGROUND)
        await admission.record_outcome(probe, None)
        assert world.upstream.failures == 0
        assert world.upstream.circuit_open_until is None
        assert await find_rejection(other) is None
        await admission.record_outcome(Admission(), None)

    run(scenario)


def test_a_probe_without_outcome_is_followed_by_another_one(world: World) -> None:
    async def scenario() -> None:
        admission, other = world.admission(), world.admission()
        await fail(admission, OUTAGE, FAILURES_MAX)
        world.pass_time(10)
        await admission.admit(Purpose.BACKGROUND)
        assert await find_rejection(other) is not None
        world.pass_time(PROBE_SECONDS)
        assert await find_rejection(other) is None

    run(scenario)


REJECTED = UpstreamUnauthorized("OMDb rejected the API key: check OMDB_API_KEY.")
SPENT = UpstreamQuotaExceeded("Used up.")


@pytest.mark.parametrize(("error", "seconds"), [(OUTAGE, 10), (REJECTED, 60), (SPENT, 3_600)])
def test_failures_in_flight_open_the_circuit_once(
    world: World, error: MoviesError, seconds: int
) -> None:
    async def scenario() -> None:
        processes = [world.admission() for _ in range(30)]
        in_flight = [(process, await process.admit(Purpose.INTERACTIVE)) for process in processes]
        for process, admission in in_flight[:FAILURES_MAX]:
            await process.record_outcome(admission, error)
        world.pass_time(1)
        for process, admission in in_flight[FAILURES_MAX:]:
            await process.record_outcome(admission, error)
            assert process.seconds_until_admitted(Purpose.INTERACTIVE) == seconds - 1
        await process.record_outcome(admission, None)
        assert world.upstream.circuit_open_until == NOON + dt.timedelta(seconds=seconds)

    run(scenario)


def test_failures_of_a_probe_open_the_circuit_once_whichever_process_sent_it(world: World) -> None:
    async def scenario() -> None:
        first, second = world.admission(), world.admission()
        await fail(first, REJECTED)
        world.pass_time(60)
        late = await first.admit(Purpose.INTERACTIVE)
        world.pass_time(PROBE_SECONDS)
        probe = await second.admit(Purpose.INTERACTIVE)
        await first.record_outcome(late, REJECTED)
        await second.record_outcome(probe, REJECTED)
        await first.record_outcome(late, REJECTED)
        await second.record_outcome(probe, REJECTED)
        assert world.upstream.circuit_open_until == world.now + dt.timedelta(seconds=120)
        await first.record_outcome(late, None)
        assert await find_rejection(first) is None

    run(scenario)


def test_a_pause_doubles_only_for_the_same_error(world: World) -> None:
    async def scenario() -> None:
        admission = world.admission()
        await fail(admission, OUTAGE, FAILURES_MAX - 1)
        await fail(admission, REJECTED)
        for error, seconds in ((REJECTED, 60), (OUTAGE, 120), (OUTAGE, 10), (REJECTED, 20)):
            assert admission.seconds_until_admitted(Purpose.INTERACTIVE) == seconds
            world.pass_time(seconds)
            await admission.record_outcome(await admission.admit(Purpose.INTERACTIVE), error)
        assert admission.seconds_until_admitted(Purpose.INTERACTIVE) == 60
        assert world.upstream.error_code == REJECTED.code

    run(scenario)


def test_a_probe_for_a_movie_that_omdb_does_not_have_closes_the_circuit(world: World) -> None:
    async def scenario() -> None:
        admission = world.admission()
        await fail(admission, REJECTED)
        world.pass_time(60)
        probe = await admission.admit(Purpose.INTERACTIVE)
        await admission.record_outcome(probe, NotFound("Not found."))
        assert await find_rejection(admission) is None

    run(scenario)


def test_an_attempt_that_waited_while_the_circuit_opened_is_refused(world: World) -> None:
    class OpeningLimiter(AsyncLimiter):
        async def acquire(self, amount: float = 1) -> None:
            await fail(admission, REJECTED)

    limiter = OpeningLimiter(1)
    admission = UpstreamAdmission(world.open, Quota(), limiter, clock=lambda: world.now)

    async def scenario() -> None:
        refusal = await find_rejection(admission)
        assert isinstance(refusal, UpstreamUnauthorized)
        assert refusal.is_refusal
        await admission.close()
        assert world.upstream.quota_used == 0
        world.pass_time(60)
        assert await find_rejection(admission) is None

    run(scenario)


def test_an_attempt_that_waited_until_the_next_day_returns_no_quota_of_that_day(
    world: World,
) -> None:
    class NightLimiter(AsyncLimiter):
        async def acquire(self, amount: float = 1) -> None:
            if world.now == NOON:
                world.pass_time(86_400)
                await admission.admit(Purpose.INTERACTIVE)
                await fail(admission, REJECTED)

    limiter = NightLimiter(1)
    admission = UpstreamAdmission(world.open, Quota(), limiter, clock=lambda: world.now)

    async def scenario() -> None:
        assert isinstance(await find_rejection(admission), UpstreamUnauthorized)
        await admission.close()
        assert world.upstream.quota_used == 1

    run(scenario)


def test_refusals_differ_from_errors_of_omdb(world: World) -> None:
    async def scenario() -> None:
        admission = world.admission(limit=1)
        await fail(admission, OUTAGE, FAILURES_MAX)
        refusals = [await find_rejection(admission)]
        world.pass_time(10)
        await admission.record_outcome(await admission.admit(Purpose.INTERACTIVE), None)
        refusals.append(await find_rejection(admission))
        assert [type(each) for each in refusals] == [UpstreamUnavailable, UpstreamQuotaExceeded]
        assert all(each is not None and each.is_refusal for each in refusals)
        assert not OUTAGE.is_refusal

    run(scenario)


def test_only_consecutive_failures_open_the_circuit(world: World) -> None:
    async def scenario() -> None:
        admission = world.admission()
        for _ in range(3):
            await fail(admission, OUTAGE, FAILURES_MAX - 1)
            await admission.record_outcome(Admission(), None)
        assert await find_rejection(admission) is None

    run(scenario)


@pytest.mark.parametrize("error", [NotFound("Not found."), UpstreamBadResponse("Invalid.")])
def test_an_error_of_one_movie_does_not_open_the_circuit(world: World, error: MoviesError) -> None:
    async def scenario() -> None:
        admission = world.admission()
        await fail(admission, error, 3 * FAILURES_MAX)
        assert await find_rejection(admission) is None

    run(scenario)


@pytest.mark.parametrize(
    ("error", "seconds"),
    [
        (UpstreamUnauthorized("OMDb rejected the API key: check OMDB_API_KEY."), 60),
        (UpstreamQuotaExceeded("Used up."), 3_600),
        (UpstreamQuotaExceeded("Used up.", retry_after_seconds=1), 3_600),
        (UpstreamQuotaExceeded("Used up.", retry_after_seconds=86_400), 3_600),
    ],
)
def test_a_rejected_key_or_used_up_quota_opens_the_circuit_at_once(
    world: World, error: MoviesError, seconds: int
) -> None:
    async def scenario() -> None:
        admission = world.admission()
        await admission.record_outcome(Admission(), error)
        rejection = await find_rejection(admission)
        assert type(rejection) is type(error)
        assert rejection.message == error.message
        assert admission.seconds_until_admitted(Purpose.INTERACTIVE) == seconds

    run(scenario)


def test_clearing_a_rejected_key_closes_the_circuit(world: World) -> None:
    async def scenario() -> None:
        await fail(world.admission(), UpstreamUnauthorized("Key."))
        admission = world.admission()
        await admission.clear_rejected_key()
        assert await find_rejection(admission) is None
        await fail(admission, UpstreamQuotaExceeded("Used up."))
        await admission.clear_rejected_key()
        assert await find_rejection(admission) is not None

    run(scenario)


def test_without_a_database_nothing_is_admitted_and_failures_still_count(world: World) -> None:
    async def scenario() -> None:
        admission = world.admission()
        world.is_unavailable = True
        assert isinstance(await find_rejection(admission), DatabaseUnavailable)
        await fail(admission, OUTAGE, FAILURES_MAX)
        assert admission.seconds_until_admitted(Purpose.BACKGROUND) == 10
        assert isinstance(await find_rejection(admission), UpstreamUnavailable)

    run(scenario)


def test_a_clock_that_jumps_neither_renews_the_quota_nor_opens_the_circuit_for_a_year(
    world: World,
) -> None:
    async def scenario() -> None:
        admission = world.admission(limit=2)
        await admission.admit(Purpose.INTERACTIVE)
        world.pass_time(-86_400)
        await admission.admit(Purpose.INTERACTIVE)
        assert isinstance(await find_rejection(admission), UpstreamQuotaExceeded)
        world.pass_time(86_400)
        assert isinstance(await find_rejection(admission), UpstreamQuotaExceeded)
        world.pass_time(365 * 86_400)
        await admission.admit(Purpose.INTERACTIVE)
        await admission.admit(Purpose.INTERACTIVE)
        await fail(admission, UpstreamUnauthorized("Key."))
        world.pass_time(-365 * 86_400)
        assert await find_rejection(admission) is None
        await fail(world.admission(), UpstreamUnauthorized("Key."))
        world.pass_time(-7_200)
        assert await find_rejection(admission) is None

    run(scenario)


def test_admission_waits_for_the_rate_limiter(world: World) -> None:
    async def scenario() -> None:
        limiter = AsyncLimiter(2, 3_600)
        admission = UpstreamAdmission(world.open, Quota(), limiter, clock=lambda: world.now)
        await admission.admit(Purpose.INTERACTIVE)
        await admission.admit(Purpose.INTERACTIVE)
        assert not limiter.has_capacity()

    run(scenario)


def test_refresh_state_reads_the_shared_state(world: World) -> None:
    async def scenario() -> None:
        admission = world.admission(limit=10)
        await world.admission(limit=10).admit(Purpose.INTERACTIVE)
        assert admission.state.quota_used == 0
        admission.refresh_state()
        assert admission.state.quota_used == 1
        assert Quota(10).remaining(admission.state, NOON.date()) == 9
        assert Quota().remaining(admission.state, NOON.date()) is None

    run(scenario)
