import asyncio
import contextlib
import time
from typing import Any

import aiohttp
import pytest

from common.errors import InvalidSetting
from data_fetcher.emulator.server import Emulator, Switches
from data_fetcher.tests.conftest import FILMS, with_emulator

pytestmark = pytest.mark.integration


def ask(switches: Switches, *queries: str) -> list[tuple[int, dict[str, Any]]]:
    """The status and the object of the answer to each query."""

    async def scenario(url: str, _emulator: Emulator) -> list[tuple[int, dict[str, Any]]]:
        async with aiohttp.ClientSession() as session:
            answers = []
            for query in queries:
                async with session.get(f"{url}?{query}") as response:
                    is_json = response.content_type == "application/json"
                    answers.append((response.status, await response.json() if is_json else {}))
            return answers

    return with_emulator(switches, scenario)


def test_names_of_parameters_may_be_in_any_case() -> None:
    assert ask(Switches(), "APIKey=k&T=Alien&unknown=1&y=")[0][1]["Title"] == "Alien"


@pytest.mark.parametrize(
    ("switches", "query", "message"),
    [
        (Switches(), "t=Alien", "No API key provided."),
        (Switches(), "apikey=&t=Alien", "No API key provided."),
        (Switches(key="right"), "apikey=wrong&t=Alien", "Invalid API key!"),
        (Switches(quota=0), "apikey=k&t=Alien", "Request limit reached!"),
    ],
)
def test_refuses_with_a_401(switches: Switches, query: str, message: str) -> None:
    assert ask(switches, query) == [(401, {"Response": "False", "Error": message})]


def test_the_right_key_is_accepted() -> None:
    assert ask(Switches(key="right"), "apikey=right&t=Alien")[0][0] == 200


def test_a_quota_counts_answers() -> None:
    answers = ask(Switches(quota=2), *["apikey=k&t=Alien"] * 3)
    assert [status for status, _answer in answers] == [200, 200, 401]


def test_errors_come_at_their_rate_and_the_same_each_time() -> None:
    switches = Switches(error_rate=0.3, seed=7)
    first = ask(switches, *["apikey=k&t=Alien"] * 40)
    assert first == ask(switches, *["apikey=k&t=Alien"] * 40)
    failures = [status for status, _answer in first if status == 503]
    assert 4 <= len(failures) <= 20


def test_a_fault_can_be_bound_to_films_and_to_the_first_requests() -> None:
    named = Switches(fault="html-500", fault_for=frozenset({"alien", "tt0054215"}))
    queries = ["apikey=k&t=Alien", "apikey=k&t=Psycho", "apikey=k&i=tt0054215"]
    assert [status for status, _ in ask(named, *queries)] == [500, 200, 500]
    first = Switches(fault="html-500", fault_first=1)
    assert [status for status, _ in ask(first, *queries)] == [500, 200, 200]


def test_latency_is_waited_for_side_by_side() -> None:
    async def scenario(url: str, emulator: Emulator) -> int:
        async with aiohttp.ClientSession() as session:
            await asyncio.gather(*(session.get(f"{url}?apikey=k&t=Alien") for _ in range(10)))
        return emulator.in_flight_peak

    assert with_emulator(Switches(latency_ms=50), scenario) == 10


def test_stops_at_once_with_an_answer_that_hangs() -> None:
    async def scenario() -> float:
        async with aiohttp.ClientSession() as session:
            emulator = Emulator(FILMS, Switches(fault="hang"))
            async with emulator.running() as url:
                question = session.get(f"{url}?apikey=k&t=Alien")
                hanging = asyncio.ensure_future(question)
                while not emulator.requests:  # noqa: ASYNC110 - It tells nobody.
                    await asyncio.sleep(0.001)
                started = time.monotonic()
            with contextlib.suppress(aiohttp.ClientError):
                await hanging
            return time.monotonic() - started

    assert asyncio.run(scenario()) < 5


def test_a_port_that_is_taken_is_a_sentence() -> None:
    async def scenario(url: str, _emulator: Emulator) -> None:
        port = int(url.rstrip("/").rpartition(":")[2])
        with pytest.raises(InvalidSetting, match="choose another port"):
            async with Emulator(FILMS).running(port=port):
                pass

    with_emulator(Switches(), scenario)
