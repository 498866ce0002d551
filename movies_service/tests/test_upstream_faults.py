"""Faults of OMDb: workers and the service with an emulator that produces every known fault."""

import asyncio
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import requests

from common.settings import Settings
from common.shutdown import ShutdownSignal
from common.wake_up import WakeUpEvent
from data_fetcher.bootstrap import (
    build_fetch_queue,
    build_movie_source,
    build_worker,
    open_omdb_client,
)
from data_fetcher.emulator.movies import load_movies
from data_fetcher.emulator.server import Emulator, EmulatorOptions
from data_fetcher.fetch_queue.deduplication_key import Requester
from data_fetcher.omdb.lookups import ImdbIdLookup, MovieLookup, TitleLookup
from data_fetcher.seeding.config import load_fetcher_config
from data_fetcher.tests.emulator_thread import emulator
from data_layer.database import Database
from data_layer.entities.fetch import Fetch, FetchState
from data_layer.entities.movie import MovieFacts
from movies_service.tests.conftest import store
from movies_service.tests.service_process import running, url_of

pytestmark = pytest.mark.integration

DEADLINE_SECONDS = 15
"""6 s for all attempts together, with a margin for a busy machine."""
CALLS_MAX = 3

BRAZIL = ImdbIdLookup("tt0088846")
ALIEN = MovieFacts(title="Alien", imdb_id="tt0078748", year=1979)
SILENT = frozenset({"hang", "first-byte-late", "slow-drip"})
"""Faults that end in a timeout; only these run with the short timeouts of `QUICK`."""

QUICK = load_fetcher_config().model_copy(
    update={
        "timeouts": load_fetcher_config().timeouts.model_copy(
            update={"connect_seconds": 0.5, "attempt_seconds": 0.5, "total_seconds": 1.2}
        )
    }
)


def fetch(
    database: Database, options: EmulatorOptions, lookup: MovieLookup = BRAZIL
) -> tuple[Fetch, int]:
    """Fetch a movie with a worker; return the fetch and the number of requests to OMDb."""
    config = QUICK if options.fault in SILENT else load_fetcher_config()

    async def scenario() -> tuple[Fetch, int]:
        omdb = Emulator(load_movies(), options)
        async with omdb.running() as url:
            settings = Settings(OMDB_URL=url, OMDB_API_KEY="hunter2")
            async with open_omdb_client(settings, config, database) as (client, admission):
                fetches = build_fetch_queue(settings, database)
                (queued,) = fetches.enqueue([lookup], Requester())
                source = build_movie_source(settings, config, client, admission)
                shutdown = ShutdownSignal()
                worker = build_worker(fetches, source, WakeUpEvent(), database, shutdown)
                running_worker = asyncio.create_task(worker.run())
                async with asyncio.timeout(DEADLINE_SECONDS):
                    while worker.completed == 0:  # noqa: ASYNC110 - The worker has no event for this.
                        await asyncio.sleep(0.02)
                shutdown.trigger()
                await running_worker
                return fetches.get(queued.known_id), omdb.requests

    return asyncio.run(scenario())


def movies(database: Database) -> int:
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
        ("garbage", FetchState.FAILED, "upstream-bad-response"),
        ("broken-json", FetchState.FAILED, "upstream-bad-response"),
        ("empty-object", FetchState.FAILED, "upstream-bad-response"),
        ("fields-missing", FetchState.FAILED, "upstream-bad-response"),
        ("wrong-types", FetchState.FAILED, "upstream-bad-response"),
        ("gzip-bomb", FetchState.FAILED, "upstream-bad-response"),
        ("huge", FetchState.FAILED, "upstream-bad-response"),
        ("redirect", FetchState.FAILED, "upstream-bad-response"),
        ("redirect-loop", FetchState.FAILED, "upstream-bad-response"),
        ("wrong-movie", FetchState.FAILED, "upstream-bad-response"),
        ("something-wrong", FetchState.FAILED, "upstream-unavailable"),
        ("not-found", FetchState.NOT_FOUND, "not-found"),
        ("control-characters", FetchState.FETCHED, None),
        ("wrong-content-type", FetchState.FETCHED, None),
        ("not-available", FetchState.FETCHED, None),
        ("unicode", FetchState.FETCHED, None),
    ],
)
def test_each_fault_ends_in_time_with_few_calls_and_no_wrong_movie(
    database: Database, fault: str, state: FetchState, code: str | None
) -> None:
    done, calls = fetch(database, EmulatorOptions(fault=fault))
    assert (done.state, done.error_code) == (state, code)
    assert 1 <= calls <= CALLS_MAX
    assert movies(database) == (state is FetchState.FETCHED)
    with database.unit_of_work(is_read_only=True) as uow:
        upstream = uow.upstream_state.find()
    assert upstream is not None
    assert upstream.quota_used == calls


def test_a_response_with_the_id_of_another_movie_is_rejected(database: Database) -> None:
    store(database.unit_of_work, ALIEN)
    done, _calls = fetch(database, EmulatorOptions(fault="wrong-id"), TitleLookup("Brazil"))
    assert (done.state, done.error_code) == (FetchState.FAILED, "upstream-bad-response")
    with database.unit_of_work(is_read_only=True) as uow:
        assert uow.movies.find_by_imdb_id("tt0078748") is not None
        assert uow.movies.find_by_title("Brazil") == ()


def test_a_refused_connection_fails_the_fetch(database: Database) -> None:
    async def scenario() -> Fetch:
        settings = Settings(OMDB_URL="http://127.0.0.1:9/", OMDB_API_KEY="key")
        async with open_omdb_client(settings, QUICK, database) as (client, admission):
            fetches = build_fetch_queue(settings, database)
            (queued,) = fetches.enqueue([BRAZIL], Requester())
            source = build_movie_source(settings, QUICK, client, admission)
            shutdown = ShutdownSignal()
            worker = build_worker(fetches, source, WakeUpEvent(), database, shutdown)
            running_worker = asyncio.create_task(worker.run())
            while worker.completed == 0:  # noqa: ASYNC110 - The worker has no event for this.
                await asyncio.sleep(0.02)
            shutdown.trigger()
            await running_worker
            return fetches.get(queued.known_id)

    done = asyncio.run(scenario())
    assert (done.state, done.error_code) == (FetchState.FAILED, "upstream-unavailable")


@pytest.fixture
def faulty(tmp_path: Path) -> Iterator[str]:
    """Yield the URL of a service with two processes whose OMDb returns 503."""
    with emulator(EmulatorOptions(fault="html-503", latency_ms=50)) as url:
        settings = {
            "OMDB_URL": url,
            "OMDB_API_KEY": "key",
            "MOVIES_SEED": "off",
            "MOVIES_PROCESSES": "2",
        }
        with running(tmp_path, **settings) as service:
            yield service.url()


def test_reads_succeed_and_the_circuit_opens_while_omdb_is_down(faulty: str) -> None:
    lookups = {"movies": [f"Movie {number}" for number in range(60)]}
    deadline = time.monotonic() + 60
    while not requests.get(f"{faulty}/health/ready", timeout=20).ok:
        assert time.monotonic() < deadline
    queued = requests.post(f"{faulty}/fetches", json=lookups, timeout=20).json()["fetches"]
    statuses = [requests.get(f"{faulty}/movies", timeout=5).status_code for _ in range(50)]
    assert set(statuses) == {200}
    while (
        "movies_upstream_circuit_open 1.0" not in requests.get(f"{faulty}/metrics", timeout=5).text
    ):
        assert time.monotonic() < deadline
    response = requests.post(f"{faulty}/movies", json={"title": "Alien"}, timeout=5)
    assert (response.status_code, response.json()["code"]) == (502, "upstream-unavailable")
    assert int(response.headers["Retry-After"]) >= 1
    states = [requests.get(faulty + each["self_url"], timeout=5).json()["state"] for each in queued]
    assert states.count("queued") + states.count("fetching") > 30


def test_200_requests_for_one_movie_to_two_services_cause_one_call(
    tmp_path: Path, database: Database
) -> None:
    url = url_of(database)

    async def count_calls(work: Any) -> int:  # noqa: ANN401 - A function.
        omdb = Emulator(load_movies(), EmulatorOptions(latency_ms=300))
        async with omdb.running() as omdb_url:
            await asyncio.to_thread(work, omdb_url)
            return omdb.requests

    responses: list[tuple[int, str]] = []

    def work(omdb_url: str) -> None:
        settings = {
            "DATABASE_URL": url,
            "OMDB_URL": omdb_url,
            "OMDB_API_KEY": "key",
            "MOVIES_SEED": "off",
        }
        with running(tmp_path, **settings) as first, running(tmp_path, **settings) as second:
            urls = first.url(), second.url()

            def add(number: int) -> tuple[int, str]:
                response = requests.post(
                    f"{urls[number % 2]}/movies", json={"title": "Alien"}, timeout=30
                )
                return response.status_code, response.json().get("imdb_id", response.text)

            with ThreadPoolExecutor(50) as pool:
                responses.extend(pool.map(add, range(200)))

    assert asyncio.run(count_calls(work)) == 1
    assert {each[1] for each in responses} == {"tt0078748"}
    assert sorted({each[0] for each in responses}) == [200, 201]
    assert [each[0] for each in responses].count(201) == 1
