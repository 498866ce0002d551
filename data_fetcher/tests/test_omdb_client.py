import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import TypeVar, cast

import pytest
from aiohttp import web

from common.errors import (
    MoviesError,
    NotFound,
    UpstreamBadResponse,
    UpstreamQuotaExceeded,
    UpstreamTimeout,
    UpstreamUnauthorized,
    UpstreamUnavailable,
)
from data_fetcher.emulator.server import Emulator, EmulatorOptions
from data_fetcher.omdb.client import OmdbClient, OmdbClientConfig
from data_fetcher.omdb.lookups import ImdbIdLookup, MovieLookup, TitleLookup
from data_fetcher.tests.conftest import with_emulator
from data_fetcher.tests.stub_admission import StubAdmission
from data_layer.entities.movie import MovieFacts

pytestmark = pytest.mark.integration

PATIENT = OmdbClientConfig(connect_seconds=5, attempt_seconds=30, total_seconds=60)
QUICK = OmdbClientConfig(connect_seconds=0.2, attempt_seconds=0.2, total_seconds=0.5)
ALIEN = ImdbIdLookup("tt0078748")
MISSING = {"Response": "False", "Error": "Movie not found!"}

T = TypeVar("T")


async def no_sleep(_seconds: float) -> None:
    """Return at once, instead of a pause."""


def fetch(
    options: EmulatorOptions, lookup: MovieLookup = ALIEN, config: OmdbClientConfig = PATIENT
) -> tuple[MovieFacts | MoviesError, dict[str, int], int]:
    """Return the outcome of a fetch, the counted attempts, and the requests that arrived."""

    async def scenario(
        url: str, emulator: Emulator
    ) -> tuple[MovieFacts | MoviesError, dict[str, int], int]:
        async with OmdbClient(
            url, "hunter2", config, sleep=no_sleep, admission=StubAdmission()
        ) as client:
            try:
                outcome: MovieFacts | MoviesError = await client.fetch(lookup)
            except MoviesError as error:
                outcome = error
            return outcome, dict(client.attempts), emulator.requests

    return with_emulator(options, scenario)


@pytest.mark.parametrize(
    ("lookup", "year"),
    [
        (ALIEN, 1979),
        (TitleLookup("alien"), 1979),
        (TitleLookup("Psycho"), 1960),
        (TitleLookup("Psycho", 1998), 1998),
        (TitleLookup("Game of Thrones"), 2011),
    ],
)
def test_fetches_the_requested_movie(lookup: MovieLookup, year: int) -> None:
    facts, attempts, requests = fetch(EmulatorOptions(), lookup)
    assert isinstance(facts, MovieFacts)
    assert facts.year == year
    assert attempts == {"fetched": 1}
    assert requests == 1


@pytest.mark.parametrize(
    ("fault", "error", "requests"),
    [
        ("not-found", NotFound, 1),
        ("bad-key", UpstreamUnauthorized, 1),
        ("quota", UpstreamQuotaExceeded, 1),
        ("broken-json", UpstreamBadResponse, 1),
        ("empty-object", UpstreamBadResponse, 1),
        ("wrong-types", UpstreamBadResponse, 1),
        ("wrong-movie", UpstreamBadResponse, 1),
        ("huge", UpstreamBadResponse, 1),
        ("gzip-bomb", UpstreamBadResponse, 1),
        ("redirect", UpstreamBadResponse, 1),
        ("redirect-loop", UpstreamBadResponse, 1),
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
def test_each_fault_raises_its_error_and_each_attempt_is_counted(
    fault: str, error: type[MoviesError], requests: int
) -> None:
    outcome, attempts, arrived = fetch(EmulatorOptions(fault=fault))
    assert type(outcome) is error
    assert sum(attempts.values()) == arrived == requests
    assert attempts[error.code] == requests


@pytest.mark.parametrize("fault", ["hang", "slow-drip"])
def test_a_slow_response_ends_at_the_deadline(fault: str) -> None:
    outcome, attempts, arrived = fetch(EmulatorOptions(fault=fault), config=QUICK)
    assert isinstance(outcome, UpstreamTimeout)
    assert attempts["upstream-timeout"] == arrived


def test_the_deadline_covers_all_attempts() -> None:
    config = OmdbClientConfig(attempt_seconds=30, total_seconds=0.2)
    outcome, attempts, arrived = fetch(EmulatorOptions(fault="hang"), config=config)
    assert isinstance(outcome, UpstreamTimeout)
    assert attempts == {"upstream-timeout": 1}
    assert arrived == 1


@pytest.mark.parametrize("fault", ["retry-later", "rate-limited"])
def test_does_not_wait_for_a_retry_after_the_deadline(fault: str) -> None:
    outcome, attempts, arrived = fetch(EmulatorOptions(fault=fault), config=QUICK)
    assert isinstance(outcome, UpstreamUnavailable)
    assert outcome.retry_after_seconds == 1
    assert attempts == {"upstream-unavailable": 1}
    assert arrived == 1


@pytest.mark.parametrize("fault", ["control-characters", "wrong-content-type"])
def test_accepts_known_deviations_from_json(fault: str) -> None:
    outcome, _attempts, _requests = fetch(EmulatorOptions(fault=fault))
    assert isinstance(outcome, MovieFacts)


@pytest.mark.parametrize("fault", ["html-503", "reset", "truncated"])
def test_retries_after_a_transient_fault(fault: str) -> None:
    outcome, attempts, requests = fetch(EmulatorOptions(fault=fault, fault_first=2))
    assert isinstance(outcome, MovieFacts)
    assert attempts == {"upstream-unavailable": 2, "fetched": 1}
    assert requests == 3


def test_waits_as_long_as_retry_after_states() -> None:
    pauses: list[float] = []

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)

    async def scenario(url: str, _emulator: Emulator) -> MovieFacts:
        async with OmdbClient(url, "key", sleep=sleep, admission=StubAdmission()) as client:
            return await client.fetch(ALIEN)

    with_emulator(EmulatorOptions(fault="retry-later", fault_first=2), scenario)
    assert pauses == [1, 1]


def test_backoff_doubles_and_has_full_jitter() -> None:
    pauses: list[float] = []

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)

    config = OmdbClientConfig(attempts=4, backoff_base_seconds=0.5, backoff_max_seconds=3)

    async def scenario(url: str, _emulator: Emulator) -> None:
        async with OmdbClient(
            url, "key", config, sleep=sleep, jitter=lambda: 0.5, admission=StubAdmission()
        ) as client:
            with pytest.raises(UpstreamUnavailable):
                await client.fetch(ALIEN)

    with_emulator(EmulatorOptions(fault="html-500"), scenario)
    assert pauses == [0.5, 1.0, 1.5]


def test_limits_concurrent_requests() -> None:
    config = OmdbClientConfig(concurrency=3)

    async def scenario(url: str, emulator: Emulator) -> int:
        async with OmdbClient(url, "key", config, admission=StubAdmission()) as client:
            await asyncio.gather(*(client.fetch(ALIEN) for _ in range(12)))
        return emulator.in_flight_peak

    assert with_emulator(EmulatorOptions(latency_ms=10), scenario) == 3


def serve(
    respond: Callable[[web.Request], Awaitable[web.StreamResponse]],
    scenario: Callable[[OmdbClient], Awaitable[T]],
    config: OmdbClientConfig = PATIENT,
) -> tuple[T, dict[str, int]]:
    """Run a scenario on a client of a server with this handler; return its result and attempts."""

    async def run() -> tuple[T, dict[str, int]]:
        app = web.Application()
        app.router.add_get("/", respond)
        runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        try:
            host, port = runner.addresses[0][:2]
            url = f"http://{host}:{port}/"
            async with OmdbClient(
                url, "hunter2", config, sleep=no_sleep, admission=StubAdmission()
            ) as client:
                return await scenario(client), dict(client.attempts)
        finally:
            await runner.cleanup()

    return asyncio.run(run())


def drop(request: web.Request) -> web.Response:
    """Close the connection without a response."""
    cast("asyncio.Transport", request.transport).close()
    return web.Response()


async def fail(client: OmdbClient) -> MoviesError:
    """Fetch a movie and return the error."""
    with pytest.raises(MoviesError) as raised:
        await client.fetch(ALIEN)
    return raised.value


def test_aiohttp_resends_no_request_and_connections_are_reused() -> None:
    ports: list[int] = []
    both_have_arrived = asyncio.Event()

    async def respond(request: web.Request) -> web.Response:
        ports.append(cast("asyncio.Transport", request.transport).get_extra_info("peername")[1])
        if len(ports) == 3:
            return drop(request)
        if len(ports) == 2:
            both_have_arrived.set()
        await both_have_arrived.wait()
        return web.json_response(MISSING)

    async def scenario(client: OmdbClient) -> None:
        await asyncio.gather(fail(client), fail(client))
        await fail(client)

    _, attempts = serve(respond, scenario)
    assert attempts == {"not-found": 3, "upstream-unavailable": 1}
    assert len(ports) == 4
    assert len(set(ports)) == 2


@pytest.mark.parametrize("kind", ["drop", "large-header", "hang", "unknown-encoding"])
def test_the_key_is_in_no_error_and_none_of_its_causes(
    kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "aiohttp.client")

    async def respond(request: web.Request) -> web.StreamResponse:
        if kind == "drop":
            return drop(request)
        if kind == "hang":
            await asyncio.Event().wait()
        if kind == "unknown-encoding":
            return web.Response(body=b"?", headers={"Content-Encoding": "gzip"})
        return web.Response(headers={"X-Large": "x" * 10_000})

    error, _ = serve(respond, fail, QUICK)
    assert isinstance(error, UpstreamUnavailable)
    chain: list[BaseException] = [error]
    while cause := chain[-1].__cause__ or chain[-1].__context__:
        chain.append(cause)
    assert "hunter2" not in repr(chain) + repr([str(link) for link in chain])
    assert not [record for record in caplog.records if "hunter2" in record.getMessage()]


def test_the_key_is_not_in_the_representation_of_the_client() -> None:
    async def scenario() -> str:
        return repr(OmdbClient("http://127.0.0.1:9/", "hunter2", admission=StubAdmission()))

    assert "hunter2" not in asyncio.run(scenario())


def test_a_response_with_a_large_content_length_is_not_read() -> None:
    async def respond(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": str(10**15)})
        await response.prepare(request)
        await asyncio.Event().wait()
        return response

    error, attempts = serve(respond, fail, QUICK)
    assert isinstance(error, UpstreamBadResponse)
    assert attempts == {"upstream-bad-response": 1}


def test_a_cancelled_attempt_is_counted_as_abandoned() -> None:
    has_arrived = asyncio.Event()

    async def respond(_request: web.Request) -> web.StreamResponse:
        has_arrived.set()
        await asyncio.Event().wait()
        return web.Response()

    async def scenario(client: OmdbClient) -> None:
        fetching = asyncio.create_task(client.fetch(ALIEN))
        await has_arrived.wait()
        fetching.cancel()
        with pytest.raises(asyncio.CancelledError):
            await fetching

    _, attempts = serve(respond, scenario)
    assert attempts == {"abandoned": 1}


def test_the_deadline_starts_after_the_wait_for_a_slot() -> None:
    config = OmdbClientConfig(concurrency=1, attempts=1, attempt_seconds=5, total_seconds=0.1)

    async def respond(_request: web.Request) -> web.StreamResponse:
        await asyncio.Event().wait()
        return web.Response()

    async def scenario(client: OmdbClient) -> None:
        await asyncio.gather(*(fail(client) for _ in range(3)))

    _, attempts = serve(respond, scenario, config)
    assert attempts == {"upstream-timeout": 3}


def test_neither_cookies_nor_proxies_are_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9/")
    cookies: list[str | None] = []

    async def respond(request: web.Request) -> web.Response:
        cookies.append(request.headers.get("Cookie"))
        return web.json_response(MISSING, headers={"Set-Cookie": "a=b; Path=/"})

    async def scenario(client: OmdbClient) -> None:
        await fail(client)
        await fail(client)

    serve(respond, scenario)
    assert cookies == [None, None]
