import asyncio
from collections.abc import Awaitable, Callable

import pytest
from aiohttp import web

from common.errors import (
    MoviesError,
    NotFound,
    UpstreamInvalid,
    UpstreamQuota,
    UpstreamRefused,
    UpstreamTimeout,
    UpstreamUnavailable,
)
from data_fetcher.emulator.server import Emulator, Switches
from data_fetcher.omdb.client import ClientLimits, OmdbClient
from data_fetcher.omdb.wish import ImdbWish, TitleWish, Wish
from data_fetcher.tests.conftest import with_emulator
from data_layer.entities.movie import MovieFacts

pytestmark = pytest.mark.integration

PATIENT = ClientLimits(connect_seconds=5, attempt_seconds=30, total_seconds=60)
QUICK = ClientLimits(connect_seconds=0.2, attempt_seconds=0.2, total_seconds=0.5)
ALIEN = ImdbWish("tt0078748")


async def no_sleep(_seconds: float) -> None:
    """Pauses of no length."""


def fetch(
    switches: Switches, wish: Wish = ALIEN, limits: ClientLimits = PATIENT
) -> tuple[MovieFacts | MoviesError, dict[str, int], int]:
    """What came of a wish, the attempts that were counted, and those that arrived."""

    async def scenario(
        url: str, emulator: Emulator
    ) -> tuple[MovieFacts | MoviesError, dict[str, int], int]:
        async with OmdbClient(url, "hunter2", limits, sleep=no_sleep) as client:
            try:
                outcome: MovieFacts | MoviesError = await client.fetch(wish)
            except MoviesError as error:
                outcome = error
            return outcome, dict(client.attempts), emulator.requests

    return with_emulator(switches, scenario)


@pytest.mark.parametrize(
    ("wish", "year"),
    [
        (ALIEN, 1979),
        (TitleWish("alien"), 1979),
        (TitleWish("Psycho"), 1960),
        (TitleWish("Psycho", 1998), 1998),
        (TitleWish("Game of Thrones"), 2011),
    ],
)
def test_fetches_what_is_wished_for(wish: Wish, year: int) -> None:
    facts, attempts, requests = fetch(Switches(), wish)
    assert isinstance(facts, MovieFacts)
    assert facts.year == year
    assert attempts == {"fetched": 1}
    assert requests == 1


@pytest.mark.parametrize(
    ("fault", "error", "requests"),
    [
        ("not-found", NotFound, 1),
        ("bad-key", UpstreamRefused, 1),
        ("quota", UpstreamQuota, 1),
        ("broken-json", UpstreamInvalid, 1),
        ("empty-object", UpstreamInvalid, 1),
        ("wrong-types", UpstreamInvalid, 1),
        ("wrong-film", UpstreamInvalid, 1),
        ("huge", UpstreamInvalid, 1),
        ("gzip-bomb", UpstreamInvalid, 1),
        ("redirect", UpstreamInvalid, 1),
        ("redirect-loop", UpstreamInvalid, 1),
        ("html-200", UpstreamUnavailable, 3),
        ("html-403", UpstreamUnavailable, 3),
        ("html-500", UpstreamUnavailable, 3),
        ("html-503", UpstreamUnavailable, 3),
        ("html-522", UpstreamUnavailable, 3),
        ("something-wrong", UpstreamUnavailable, 3),
        ("truncated", UpstreamUnavailable, 3),
        ("reset", UpstreamUnavailable, 3),
    ],
)
def test_every_fault_is_told_apart_and_every_attempt_counted(
    fault: str, error: type[MoviesError], requests: int
) -> None:
    outcome, attempts, arrived = fetch(Switches(fault=fault))
    assert type(outcome) is error
    assert sum(attempts.values()) == arrived == requests
    assert attempts[error.code] == requests


@pytest.mark.parametrize("fault", ["hang", "slow-drip"])
def test_nothing_takes_longer_than_the_deadline(fault: str) -> None:
    outcome, attempts, arrived = fetch(Switches(fault=fault), limits=QUICK)
    assert isinstance(outcome, UpstreamTimeout)
    assert attempts["upstream-timeout"] == arrived


def test_the_deadline_is_for_all_attempts_together() -> None:
    limits = ClientLimits(attempt_seconds=30, total_seconds=0.2)
    outcome, attempts, arrived = fetch(Switches(fault="hang"), limits=limits)
    assert isinstance(outcome, UpstreamTimeout)
    assert attempts == {"upstream-timeout": 1}
    assert arrived == 1


@pytest.mark.parametrize("fault", ["retry-later", "rate-limited"])
def test_is_not_kept_waiting_beyond_the_deadline(fault: str) -> None:
    outcome, attempts, arrived = fetch(Switches(fault=fault), limits=QUICK)
    assert isinstance(outcome, UpstreamUnavailable)
    assert outcome.retry_after_seconds == 1
    assert attempts == {"upstream-unavailable": 1}
    assert arrived == 1


@pytest.mark.parametrize("fault", ["control-characters", "wrong-content-type"])
def test_what_can_be_understood_is(fault: str) -> None:
    outcome, _attempts, _requests = fetch(Switches(fault=fault))
    assert isinstance(outcome, MovieFacts)


@pytest.mark.parametrize("fault", ["html-503", "reset", "truncated"])
def test_a_fault_that_passes_is_survived(fault: str) -> None:
    outcome, attempts, requests = fetch(Switches(fault=fault, fault_first=2))
    assert isinstance(outcome, MovieFacts)
    assert attempts == {"upstream-unavailable": 2, "fetched": 1}
    assert requests == 3


def test_waits_for_as_long_as_omdb_asks() -> None:
    pauses: list[float] = []

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)

    async def scenario(url: str, _emulator: Emulator) -> MovieFacts:
        async with OmdbClient(url, "key", sleep=sleep) as client:
            return await client.fetch(ALIEN)

    with_emulator(Switches(fault="retry-later", fault_first=2), scenario)
    assert pauses == [1, 1]


def test_pauses_are_random_parts_of_a_span_that_doubles() -> None:
    pauses: list[float] = []

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)

    limits = ClientLimits(attempts=4, backoff_base_seconds=0.5, backoff_max_seconds=3)

    async def scenario(url: str, _emulator: Emulator) -> None:
        async with OmdbClient(url, "key", limits, sleep=sleep, jitter=lambda: 0.5) as client:
            with pytest.raises(UpstreamUnavailable):
                await client.fetch(ALIEN)

    with_emulator(Switches(fault="html-500"), scenario)
    assert pauses == [0.5, 1.0, 1.5]


def test_the_key_is_in_no_message() -> None:
    async def scenario() -> UpstreamUnavailable:
        limits = ClientLimits(attempts=1)
        async with OmdbClient("http://127.0.0.1:9/", "hunter2", limits) as client:
            with pytest.raises(UpstreamUnavailable) as raised:
                await client.fetch(ALIEN)
            return raised.value

    error = asyncio.run(scenario())
    assert "hunter2" not in repr(error) + repr(error.__cause__) + error.message
    assert error.__suppress_context__


def test_no_more_requests_at_once_than_allowed() -> None:
    limits = ClientLimits(concurrency=3)

    async def scenario(url: str, emulator: Emulator) -> int:
        async with OmdbClient(url, "key", limits) as client:
            await asyncio.gather(*(client.fetch(ALIEN) for _ in range(12)))
        return emulator.in_flight_peak

    assert with_emulator(Switches(latency_ms=10), scenario) == 3


async def _serve_then_drop(
    scenario: Callable[[str], Awaitable[dict[str, int]]],
) -> tuple[dict[str, int], int]:
    """Run a scenario against a server that keeps a connection, and drops it when it is used."""
    seen = 0

    async def answer(request: web.Request) -> web.Response:
        nonlocal seen
        seen += 1
        if seen == 2 and request.transport is not None:
            request.transport.close()
        return web.json_response({"Response": "False", "Error": "Movie not found!"})

    app = web.Application()
    app.router.add_get("/", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        host, port = runner.addresses[0][:2]
        return await scenario(f"http://{host}:{port}/"), seen
    finally:
        await runner.cleanup()


def test_aiohttp_repeats_no_request_by_itself() -> None:
    async def scenario(url: str) -> dict[str, int]:
        async with OmdbClient(url, "key", sleep=no_sleep) as client:
            for _ in range(2):
                with pytest.raises(NotFound):
                    await client.fetch(ALIEN)
            return dict(client.attempts)

    attempts, seen = asyncio.run(_serve_then_drop(scenario))
    assert attempts == {"not-found": 2, "upstream-unavailable": 1}
    assert seen == 3
