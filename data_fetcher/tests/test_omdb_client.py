import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import TypeVar, cast

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
from data_fetcher.omdb.lookups import ImdbWish, TitleWish, Wish
from data_fetcher.tests.conftest import with_emulator
from data_layer.entities.movie import MovieFacts

pytestmark = pytest.mark.integration

PATIENT = ClientLimits(connect_seconds=5, attempt_seconds=30, total_seconds=60)
QUICK = ClientLimits(connect_seconds=0.2, attempt_seconds=0.2, total_seconds=0.5)
ALIEN = ImdbWish("tt0078748")
MISSING = {"Response": "False", "Error": "Movie not found!"}

T = TypeVar("T")


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


def test_no_more_requests_at_once_than_allowed() -> None:
    limits = ClientLimits(concurrency=3)

    async def scenario(url: str, emulator: Emulator) -> int:
        async with OmdbClient(url, "key", limits) as client:
            await asyncio.gather(*(client.fetch(ALIEN) for _ in range(12)))
        return emulator.in_flight_peak

    assert with_emulator(Switches(latency_ms=10), scenario) == 3


def serve(
    answer: Callable[[web.Request], Awaitable[web.StreamResponse]],
    scenario: Callable[[OmdbClient], Awaitable[T]],
    limits: ClientLimits = PATIENT,
) -> tuple[T, dict[str, int]]:
    """Run a scenario on a client of a server that answers so; give the attempts, too."""

    async def run() -> tuple[T, dict[str, int]]:
        app = web.Application()
        app.router.add_get("/", answer)
        runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        try:
            host, port = runner.addresses[0][:2]
            url = f"http://{host}:{port}/"
            async with OmdbClient(url, "hunter2", limits, sleep=no_sleep) as client:
                return await scenario(client), dict(client.attempts)
        finally:
            await runner.cleanup()

    return asyncio.run(run())


def drop(request: web.Request) -> web.Response:
    """Close the connection instead of an answer."""
    cast("asyncio.Transport", request.transport).close()
    return web.Response()


async def fail(client: OmdbClient) -> MoviesError:
    """Return the error of a fetch."""
    with pytest.raises(MoviesError) as raised:
        await client.fetch(ALIEN)
    return raised.value


def test_aiohttp_repeats_no_request_by_itself_and_no_connection_is_lost() -> None:
    ports: list[int] = []
    two_are_there = asyncio.Event()

    async def answer(request: web.Request) -> web.Response:
        ports.append(cast("asyncio.Transport", request.transport).get_extra_info("peername")[1])
        if len(ports) == 3:
            return drop(request)
        if len(ports) == 2:
            two_are_there.set()
        await two_are_there.wait()
        return web.json_response(MISSING)

    async def scenario(client: OmdbClient) -> None:
        await asyncio.gather(fail(client), fail(client))
        await fail(client)

    _, attempts = serve(answer, scenario)
    assert attempts == {"not-found": 3, "upstream-unavailable": 1}
    assert len(ports) == 4
    assert len(set(ports)) == 2


@pytest.mark.parametrize("kind", ["drop", "large-header", "hang", "unknown-encoding"])
def test_the_key_is_in_no_error_nor_behind_one(kind: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "aiohttp.client")

    async def answer(request: web.Request) -> web.StreamResponse:
        if kind == "drop":
            return drop(request)
        if kind == "hang":
            await asyncio.Event().wait()
        if kind == "unknown-encoding":
            return web.Response(body=b"?", headers={"Content-Encoding": "gzip"})
        return web.Response(headers={"X-Large": "x" * 10_000})

    error, _ = serve(answer, fail, QUICK)
    assert isinstance(error, UpstreamUnavailable)
    chain: list[BaseException] = [error]
    while behind := chain[-1].__cause__ or chain[-1].__context__:
        chain.append(behind)
    assert "hunter2" not in repr(chain) + repr([str(link) for link in chain])
    assert not [record for record in caplog.records if "hunter2" in record.getMessage()]


def test_the_key_is_not_in_the_representation_of_the_client() -> None:
    async def scenario() -> str:
        return repr(OmdbClient("http://127.0.0.1:9/", "hunter2"))

    assert "hunter2" not in asyncio.run(scenario())


def test_an_answer_that_announces_to_be_large_is_not_read() -> None:
    async def answer(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": str(10**15)})
        await response.prepare(request)
        await asyncio.Event().wait()
        return response

    error, attempts = serve(answer, fail, QUICK)
    assert isinstance(error, UpstreamInvalid)
    assert attempts == {"upstream-invalid": 1}


def test_an_attempt_whose_caller_goes_away_is_counted_as_that() -> None:
    has_arrived = asyncio.Event()

    async def answer(_request: web.Request) -> web.StreamResponse:
        has_arrived.set()
        await asyncio.Event().wait()
        return web.Response()

    async def scenario(client: OmdbClient) -> None:
        fetching = asyncio.create_task(client.fetch(ALIEN))
        await has_arrived.wait()
        fetching.cancel()
        with pytest.raises(asyncio.CancelledError):
            await fetching

    _, attempts = serve(answer, scenario)
    assert attempts == {"abandoned": 1}


def test_waiting_for_a_place_takes_nothing_from_the_deadline() -> None:
    limits = ClientLimits(concurrency=1, attempts=1, attempt_seconds=5, total_seconds=0.1)

    async def answer(_request: web.Request) -> web.StreamResponse:
        await asyncio.Event().wait()
        return web.Response()

    async def scenario(client: OmdbClient) -> None:
        await asyncio.gather(*(fail(client) for _ in range(3)))

    _, attempts = serve(answer, scenario, limits)
    assert attempts == {"upstream-timeout": 3}


def test_neither_cookies_nor_proxies_are_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9/")
    cookies: list[str | None] = []

    async def answer(request: web.Request) -> web.Response:
        cookies.append(request.headers.get("Cookie"))
        return web.json_response(MISSING, headers={"Set-Cookie": "a=b; Path=/"})

    async def scenario(client: OmdbClient) -> None:
        await fail(client)
        await fail(client)

    serve(answer, scenario)
    assert cookies == [None, None]
