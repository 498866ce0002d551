"""An OMDb that misbehaves in every way that is known, behind the running service."""

import asyncio
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import requests

from common.settings import Settings
from common.wake_up import Bell
from data_fetcher.bootstrap import build_fetches, build_source, build_worker, open_source
from data_fetcher.emulator.movies import load_films
from data_fetcher.emulator.server import Emulator, Switches
from data_fetcher.fetch_queue.deduplication_key import Wisher
from data_fetcher.omdb.lookups import ImdbWish, TitleWish, Wish
from data_fetcher.seeding.config import load_fetcher_config
from data_layer.database import Database
from data_layer.entities.fetch import Fetch, FetchState
from data_layer.entities.movie import MovieFacts
from movies_service.tests.conftest import store
from movies_service.tests.service_process import emulator, running, url_of

pytestmark = pytest.mark.integration

DEADLINE_SECONDS = 15
"""Six for all attempts together, and what a busy machine takes."""
CALLS_MAX = 3

BRAZIL = ImdbWish("tt0088846")
ALIEN = MovieFacts(title="Alien", imdb_id="tt0078748", year=1979)
SILENT = frozenset({"hang", "first-byte-late", "slow-drip"})
"""Faults of which only the end of patience is known; the others get as much of it as there is."""

QUICK = load_fetcher_config().model_copy(
    update={
        "timeouts": load_fetcher_config().timeouts.model_copy(
            update={"connect_seconds": 0.5, "attempt_seconds": 0.5, "total_seconds": 1.2}
        )
    }
)


def fetch(database: Database, switches: Switches, wish: Wish = BRAZIL) -> tuple[Fetch, int]:
    """What became of a wish for a film, and how often OMDb was called for it."""
    config = QUICK if switches.fault in SILENT else load_fetcher_config()

    async def scenario() -> tuple[Fetch, int]:
        omdb = Emulator(load_films(), switches)
        async with omdb.running() as url:
            settings = Settings(OMDB_URL=url, OMDB_API_KEY="hunter2")
            async with open_source(settings, config, database) as (client, care):
                fetches = build_fetches(settings, database)
                (wanted,) = fetches.wish([wish], Wisher())
                source = build_source(settings, config, client, care)
                worker = build_worker(fetches, source, Bell(), database)
                working = asyncio.create_task(worker.run())
                async with asyncio.timeout(DEADLINE_SECONDS):
                    while worker.settled == 0:  # noqa: ASYNC110 - It looks from outside.
                        await asyncio.sleep(0.02)
                worker.stop()
                await working
                return fetches.get(wanted.known_id), omdb.requests

    return asyncio.run(scenario())


def films(database: Database) -> int:
    with database.unit_of_work(is_read_only=True) as uow:
        return len(uow.movies.find_many_by_imdb_id(["tt0088846", "tt9999999"]))


@pytest.mark.parametrize(
    ("fault", "state", "code"),
    [
        ("html-500", FetchState.FAILED, "upstream-unavailable"),
        ("html-502", FetchState.FAILED, "upstream-unavailable"),
        ("html-503", FetchState.FAILED, "upstream-unavailable"),
        ("html-522", FetchState.FAILED, "upstream-unavailable"),
        ("html-403", FetchState.FAILED, "upstream-unavailable"),
        ("html-200", FetchState.FAILED, "upstream-unavailable"),
        ("rate-limited", FetchState.FAILED, "upstream-unavailable"),
        ("bad-key", FetchState.QUEUED, None),
        ("quota", FetchState.QUEUED, None),
        ("hang", FetchState.FAILED, "upstream-timeout"),
        ("first-byte-late", FetchState.FAILED, "upstream-timeout"),
        ("slow-drip", FetchState.FAILED, "upstream-timeout"),
        ("reset", FetchState.FAILED, "upstream-unavailable"),
        ("truncated", FetchState.FAILED, "upstream-unavailable"),
        ("garbage", FetchState.FAILED, "upstream-invalid"),
        ("broken-json", FetchState.FAILED, "upstream-invalid"),
        ("empty-object", FetchState.FAILED, "upstream-invalid"),
        ("fields-missing", FetchState.FAILED, "upstream-invalid"),
        ("wrong-types", FetchState.FAILED, "upstream-invalid"),
        ("gzip-bomb", FetchState.FAILED, "upstream-invalid"),
        ("huge", FetchState.FAILED, "upstream-invalid"),
        ("redirect", FetchState.FAILED, "upstream-invalid"),
        ("redirect-loop", FetchState.FAILED, "upstream-invalid"),
        ("wrong-film", FetchState.FAILED, "upstream-invalid"),
        ("something-wrong", FetchState.FAILED, "upstream-unavailable"),
        ("not-found", FetchState.NOT_FOUND, "not-found"),
        ("control-characters", FetchState.FETCHED, None),
        ("wrong-content-type", FetchState.FETCHED, None),
        ("not-available", FetchState.FETCHED, None),
        ("unicode", FetchState.FETCHED, None),
    ],
)
def test_each_fault_ends_in_time_with_few_calls_and_no_wrong_film(
    database: Database, fault: str, state: FetchState, code: str | None
) -> None:
    done, calls = fetch(database, Switches(fault=fault))
    assert (done.state, done.error_code) == (state, code)
    assert 1 <= calls <= CALLS_MAX
    assert films(database) == (state is FetchState.FETCHED)
    with database.unit_of_work(is_read_only=True) as uow:
        upstream = uow.upstream.find()
    assert upstream is not None
    assert upstream.spent == calls


def test_the_id_of_another_film_is_found_out(database: Database) -> None:
    store(database.unit_of_work, ALIEN)
    done, _calls = fetch(database, Switches(fault="wrong-id"), TitleWish("Brazil"))
    assert (done.state, done.error_code) == (FetchState.FAILED, "upstream-invalid")
    with database.unit_of_work(is_read_only=True) as uow:
        assert uow.movies.find_by_imdb_id("tt0078748") is not None
        assert uow.movies.find_by_title("Brazil") == ()


def test_nobody_at_the_other_end(database: Database) -> None:
    async def scenario() -> Fetch:
        settings = Settings(OMDB_URL="http://127.0.0.1:9/", OMDB_API_KEY="key")
        async with open_source(settings, QUICK, database) as (client, care):
            fetches = build_fetches(settings, database)
            (wanted,) = fetches.wish([BRAZIL], Wisher())
            source = build_source(settings, QUICK, client, care)
            worker = build_worker(fetches, source, Bell(), database)
            working = asyncio.create_task(worker.run())
            while worker.settled == 0:  # noqa: ASYNC110 - It looks from outside.
                await asyncio.sleep(0.02)
            worker.stop()
            await working
            return fetches.get(wanted.known_id)

    done = asyncio.run(scenario())
    assert (done.state, done.error_code) == (FetchState.FAILED, "upstream-unavailable")


@pytest.fixture
def faulty(tmp_path: Path) -> Iterator[str]:
    """The URL of a service of two processes whose OMDb fails."""
    with emulator("--fault", "html-503", "--latency-ms", "50") as url:
        settings = {
            "OMDB_URL": url,
            "OMDB_API_KEY": "key",
            "MOVIES_SEED": "off",
            "MOVIES_PROCESSES": "2",
        }
        with running(tmp_path, **settings) as service:
            yield service.url()


def test_reads_are_answered_while_omdb_is_down_and_omdb_is_left_alone(faulty: str) -> None:
    wishes = {"wishes": [f"Film {number}" for number in range(60)]}
    deadline = time.monotonic() + 60
    while not requests.get(f"{faulty}/health/ready", timeout=20).ok:
        assert time.monotonic() < deadline
    made = requests.post(f"{faulty}/fetches", json=wishes, timeout=20).json()["fetches"]
    statuses = [requests.get(f"{faulty}/movies", timeout=5).status_code for _ in range(50)]
    assert set(statuses) == {200}
    while "movies_upstream_left_alone 1.0" not in requests.get(f"{faulty}/metrics", timeout=5).text:
        assert time.monotonic() < deadline
    answer = requests.post(f"{faulty}/movies", json={"title": "Alien"}, timeout=5)
    assert (answer.status_code, answer.json()["code"]) == (502, "upstream-unavailable")
    assert int(answer.headers["Retry-After"]) >= 1
    states = [requests.get(faulty + each["self_url"], timeout=5).json()["state"] for each in made]
    assert states.count("queued") + states.count("fetching") > 30


def test_two_hundred_who_want_one_film_of_two_processes_are_one_call(
    tmp_path: Path, any_database: Database
) -> None:
    url = url_of(any_database)

    async def count_calls(work: Any) -> int:  # noqa: ANN401 - A function.
        omdb = Emulator(load_films(), Switches(latency_ms=300))
        async with omdb.running() as omdb_url:
            await asyncio.to_thread(work, omdb_url)
            return omdb.requests

    answers: list[tuple[int, str]] = []

    def work(omdb_url: str) -> None:
        settings = {
            "DATABASE_URL": url,
            "OMDB_URL": omdb_url,
            "OMDB_API_KEY": "key",
            "MOVIES_SEED": "off",
        }
        with running(tmp_path, **settings) as one, running(tmp_path, **settings) as two:
            urls = one.url(), two.url()

            def add(number: int) -> tuple[int, str]:
                answer = requests.post(
                    f"{urls[number % 2]}/movies", json={"title": "Alien"}, timeout=30
                )
                return answer.status_code, answer.json().get("imdb_id", answer.text)

            with ThreadPoolExecutor(50) as pool:
                answers.extend(pool.map(add, range(200)))

    assert asyncio.run(count_calls(work)) == 1
    assert {each[1] for each in answers} == {"tt0078748"}
    assert sorted({each[0] for each in answers}) == [200, 201]
    assert [each[0] for each in answers].count(201) == 1
