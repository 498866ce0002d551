import asyncio
import contextlib
import time
from typing import Any

import aiohttp
import pytest

from common.errors import InvalidSetting
from data_fetcher.emulator.server import Emulator, EmulatorOptions
from data_fetcher.tests.conftest import MOVIES, with_emulator

pytestmark = pytest.mark.integration


def request(options: EmulatorOptions, *queries: str) -> list[tuple[int, dict[str, Any]]]:
    """Return status and JSON object of the response to each query; {} for other content."""

    async def scenario(url: str, _emulator: Emulator) -> list[tuple[int, dict[str, Any]]]:
        async with aiohttp.ClientSession() as session:
            responses = []
            for query in queries:
                async with session.get(f"{url}?{query}") as response:
                    is_json = response.content_type == "application/json"
                    responses.append((response.status, await response.json() if is_json else {}))
            return responses

    return with_emulator(options, scenario)


def test_parameter_names_are_case_insensitive() -> None:
    assert request(EmulatorOptions(), "APIKey=k&T=Alien&unknown=1&y=")[0][1]["Title"] == "Alien"


@pytest.mark.parametrize(
    ("options", "query", "message"),
    [
        (EmulatorOptions(), "t=Alien", "No API key provided."),
        (EmulatorOptions(), "apikey=&t=Alien", "No API key provided."),
        (EmulatorOptions(key="right"), "apikey=wrong&t=Alien", "Invalid API key!"),
        (EmulatorOptions(quota=0), "apikey=k&t=Alien", "Request limit reached!"),
    ],
)
def test_rejects_with_a_401(options: EmulatorOptions, query: str, message: str) -> None:
    assert request(options, query) == [(401, {"Response": "False", "Error": message})]


def test_accepts_the_configured_key() -> None:
    assert request(EmulatorOptions(key="right"), "apikey=right&t=Alien")[0][0] == 200


def test_the_quota_counts_successful_responses() -> None:
    responses = request(EmulatorOptions(quota=2), *["apikey=k&t=Alien"] * 3)
    assert [status for status, _body in responses] == [200, 200, 401]


def test_errors_follow_the_error_rate_and_are_reproducible() -> None:
    options = EmulatorOptions(error_rate=0.3, seed=7)
    first = request(options, *["apikey=k&t=Alien"] * 40)
    assert first == request(options, *["apikey=k&t=Alien"] * 40)
    failures = [status for status, _body in first if status == 503]
    assert 4 <= len(failures) <= 20


def test_a_fault_can_be_limited_to_movies_and_to_the_first_requests() -> None:
    named = EmulatorOptions(fault="html-500", fault_for=frozenset({"alien", "tt0054215"}))
    queries = ["apikey=k&t=Alien", "apikey=k&t=Psycho", "apikey=k&i=tt0054215"]
    assert [status for status, _ in request(named, *queries)] == [500, 200, 500]
    first = EmulatorOptions(fault="html-500", fault_first=1)
    assert [status for status, _ in request(first, *queries)] == [500, 200, 200]


def test_latency_delays_requests_concurrently() -> None:
    async def scenario(url: str, emulator: Emulator) -> int:
        async with aiohttp.ClientSession() as session:
            await asyncio.gather(*(session.get(f"{url}?apikey=k&t=Alien") for _ in range(10)))
        return emulator.in_flight_peak

    assert with_emulator(EmulatorOptions(latency_ms=50), scenario) == 10


def test_stops_at_once_despite_a_hanging_response() -> None:
    async def scenario() -> float:
        async with aiohttp.ClientSession() as session:
            emulator = Emulator(MOVIES, EmulatorOptions(fault="hang"))
            async with emulator.running() as url:
                hanging = asyncio.ensure_future(session.get(f"{url}?apikey=k&t=Alien"))
                while not emulator.requests:  # noqa: ASYNC110 - It sets no event.
                    await asyncio.sleep(0.001)
                started = time.monotonic()
            with contextlib.suppress(aiohttp.ClientError):
                await hanging
            return time.monotonic() - started

    assert asyncio.run(scenario()) < 5


def test_a_port_in_use_is_reported() -> None:
    async def scenario(url: str, _emulator: Emulator) -> None:
        port = int(url.rstrip("/").rpartition(":")[2])
        with pytest.raises(InvalidSetting, match="choose another port"):
            async with Emulator(MOVIES).running(port=port):
                pass

    with_emulator(EmulatorOptions(), scenario)
