import os
import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path

import httpx
import orjson
import psutil
import pytest
import requests
from fastapi.testclient import TestClient

from data_fetcher.emulator.server import EmulatorOptions
from data_fetcher.tests.emulator_thread import emulator
from data_layer.database import Database
from data_layer.entities.movie import MovieFacts
from data_layer.entities.movie_query import MovieFilter, MovieQuery
from data_layer.entities.scope import Scope
from movies_service.accounts.api_keys import ApiKeys
from movies_service.app import MiddlewareOptions
from movies_service.http_semantics.headers import REVISION_HEADER
from movies_service.response_cache.options import CacheOptions
from movies_service.tests.conftest import SmallOmdb, new_client, store
from movies_service.tests.service_process import STOP_SECONDS, Service, running, url_of

pytestmark = pytest.mark.integration

CONNECTION_LOST = (requests.ConnectionError, requests.exceptions.ChunkedEncodingError)
"""Errors of a client whose process is killed before or during the response."""

KINDS = ["sqlite", "postgresql", "mariadb"]
STALENESS_MAX_SECONDS = 1.0
"""Longest time for which another process may serve older responses, as the README documents."""

# Not formatted: a list, not a column.
TITLES = (
    "Aliens", "Amadeus", "Argo", "Big", "Brazil", "Casablanca", "Chicago", "Chinatown", "Fargo",
    "Gandhi", "Gravity", "Jaws", "Lincoln", "Milk", "Network",
)  # fmt: skip  # A table is easier to read in long lines.


@pytest.fixture(params=KINDS)
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Return the URL of an empty database of each kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'movies.db'}"
    url: str = request.getfixturevalue(f"{request.param}_url")
    return url


def check_visibility(*clients: httpx.Client | TestClient) -> None:
    """Add movies in turn, and check when each client returns them."""

    def read_total(client: httpx.Client | TestClient, revision: str | None = None) -> int:
        headers = {REVISION_HEADER: revision} if revision else {}
        total: int = client.get("/movies", headers=headers).json()["total"]
        return total

    waits = [0.0]
    for number, title in enumerate(TITLES):
        writer, reader = clients[number % 2], clients[1 - number % 2]
        assert [read_total(client) for client in (writer, reader, reader)] == [number] * 3
        response = writer.post("/movies", json={"title": title})
        written = time.monotonic()
        assert response.status_code == 201
        assert read_total(writer) == number + 1
        if number % 3 == 0:
            assert read_total(reader, response.headers[REVISION_HEADER]) == number + 1
        sent = written
        while read_total(reader) == number:
            waits.append(sent - written)  # An older response to a request sent at that time.
            sent = time.monotonic()
    assert max(waits) < STALENESS_MAX_SECONDS, waits


def test_writes_are_visible_in_other_services_within_a_second(tmp_path: Path) -> None:
    with (
        running(tmp_path, MOVIES_SEED="off") as first,
        running(tmp_path, MOVIES_SEED="off") as second,
        httpx.Client(base_url=first.url(), timeout=20) as writer,
        httpx.Client(base_url=second.url(), timeout=20) as reader,
    ):
        check_visibility(writer, reader)


def test_writes_are_visible_in_other_apps_within_a_second(any_database: Database) -> None:
    omdb = SmallOmdb([MovieFacts(title=title) for title in TITLES])
    with closing(Database(url_of(any_database))) as other, ExitStack() as stack:
        clients = []
        for database in (any_database, other):
            options = MiddlewareOptions(cache=CacheOptions(revision=database.revision))
            clients.append(stack.enter_context(new_client(database, omdb, options)))
        check_visibility(*clients)


def pids_of(service: Service) -> list[int]:
    """Return the process IDs of the server processes."""
    pids = []
    for child in psutil.Process(service.process.pid).children():
        with suppress(psutil.NoSuchProcess):  # The process has ended, or is a zombie.
            if "spawn_main" in " ".join(child.cmdline()):
                pids.append(child.pid)
    return pids


def wait_until_all_serve(service: Service, url: str, count: int) -> None:
    """Wait until `count` server processes are running and the service responds."""
    while len(pids_of(service)) < count:
        time.sleep(0.02)
    assert requests.get(f"{url}/health/live", timeout=20).ok


def test_dead_processes_are_restarted_and_all_end_with_their_parent(tmp_path: Path) -> None:
    with running(tmp_path, MOVIES_PROCESSES="2", MOVIES_SEED="off") as service:
        url = service.url()
        service.read_until("Ready. Try:")
        for _ in range(20):
            requests.get(f"{url}/movies", timeout=5)
        time.sleep(1.5)  # The processes publish their counts once a second.
        for pid in (before := pids_of(service)):
            os.kill(pid, signal.SIGKILL)
        while set(pids_of(service)) & set(before):
            time.sleep(0.02)
        wait_until_all_serve(service, url, 2)
        metrics = requests.get(f"{url}/metrics", timeout=20).text
        assert (
            'movies_http_requests_total{method="GET",route="/movies",status="200"} 20.0' in metrics
        )
        serving = pids_of(service)
        service.process.kill()
        deadline = time.monotonic() + STOP_SECONDS
        while any(map(psutil.pid_exists, serving)):
            assert time.monotonic() < deadline
            time.sleep(0.05)
    assert service.log.read_text().count("server_process_restarted") == 2


@pytest.mark.soak  # A process counts as frozen after 31 seconds.
def test_a_frozen_process_is_replaced(tmp_path: Path) -> None:
    settings = {"MOVIES_PROCESSES": "2", "MOVIES_SEED": "off"}
    with running(tmp_path, MOVIES_DATABASE_LOCK_TIMEOUT_SECONDS="1", **settings) as service:
        url = service.url()
        service.read_until("Ready. Try:")
        wait_until_all_serve(service, url, 2)
        time.sleep(2)  # Every process has sent a heartbeat.
        frozen = pids_of(service)[-1]
        os.kill(frozen, signal.SIGSTOP)
        while psutil.pid_exists(frozen):
            time.sleep(0.1)
        wait_until_all_serve(service, url, 2)
        for _ in range(10):
            assert requests.get(f"{url}/movies", timeout=5).ok
        assert service.stop() == 0
    log = service.log.read_text()
    assert log.count("process_unresponsive") == log.count("server_process_restarted") == 1


@contextmanager
def running_with_slow_omdb(
    folder: Path, latency_ms: int, processes: int
) -> Iterator[tuple[Service, str]]:
    """Run a service in several processes, with an OMDb of this latency; yield it and its URL."""
    with (
        emulator(EmulatorOptions(latency_ms=latency_ms)) as omdb_url,
        running(
            folder,
            OMDB_URL=omdb_url,
            OMDB_API_KEY="key",
            MOVIES_SEED="off",
            MOVIES_PROCESSES=str(processes),
        ) as service,
    ):
        url = service.url()
        service.read_until("Ready. Try:")
        wait_until_all_serve(service, url, processes)
        yield service, url


def test_all_processes_stop_in_time_and_finish_their_requests(tmp_path: Path) -> None:
    codes: list[int] = []
    with running_with_slow_omdb(tmp_path, latency_ms=1500, processes=2) as (service, url):
        clients = [
            threading.Thread(
                target=lambda lookup=title: codes.append(
                    requests.post(f"{url}/movies", json={"title": lookup}, timeout=20).status_code
                )
            )
            for title in TITLES[:6]
        ]
        for thread in clients:
            thread.start()
        time.sleep(0.7)
        serving = pids_of(service)
        started = time.monotonic()
        assert service.stop() == 0
        assert time.monotonic() - started < STOP_SECONDS
        for thread in clients:
            thread.join()
    assert codes == [201] * 6
    assert not any(map(psutil.pid_exists, serving))


def test_a_second_signal_kills_the_processes(tmp_path: Path) -> None:
    with (
        running_with_slow_omdb(tmp_path, latency_ms=20_000, processes=2) as (service, url),
        ThreadPoolExecutor() as threads,
    ):
        lookup = threads.submit(requests.post, f"{url}/movies", json={"title": "Milk"})
        time.sleep(0.5)
        service.process.send_signal(signal.SIGINT)
        time.sleep(0.5)
        started = time.monotonic()
        assert service.stop(signal.SIGTERM) == 0
        assert time.monotonic() - started < 2
        assert isinstance(lookup.exception(), CONNECTION_LOST)


@pytest.mark.parametrize("kills", [2, pytest.param(8, marks=pytest.mark.soak)])
@pytest.mark.kills
def test_movies_are_added_once_while_processes_are_killed(
    database_url: str, tmp_path: Path, kills: int
) -> None:
    rng = random.Random(database_url[:3])  # noqa: S311 - No secret.
    statuses: Counter[int] = Counter()

    def enqueue(url: str, title: str) -> None:
        while True:
            try:
                response = requests.post(f"{url}/movies", json={"title": title}, timeout=20)
            except CONNECTION_LOST:  # The process was killed; the supervisor restarts it.
                time.sleep(0.1)
                continue
            statuses[response.status_code] += 1
            if response.ok:
                return

    with running(
        tmp_path, DATABASE_URL=database_url, MOVIES_PROCESSES="2", MOVIES_SEED="off"
    ) as service:
        url = service.url()
        service.read_until("Ready. Try:")
        with ThreadPoolExecutor(24) as threads:
            lookups = [threads.submit(enqueue, url, title) for title in TITLES for _ in range(6)]
            for _ in range(kills):
                time.sleep(rng.random() / 2)
                if pids := pids_of(service):
                    os.kill(rng.choice(pids), signal.SIGKILL)
            for each in lookups:
                each.result()
    assert statuses[201] <= len(TITLES)
    assert_complete(Database(database_url), set(TITLES))


def assert_complete(database: Database, titles: set[str]) -> None:
    """Assert that the catalogue has each of these movies once, with its genres."""
    with database.unit_of_work(is_read_only=True) as uow:
        page = uow.movies.list(MovieQuery(limit=100, counts_total=True))
        movies = [orjson.loads(movie.document) for movie in page.movies]
        for genre in {genre for movie in movies for genre in movie["genres"]}:
            found = uow.movies.list(
                MovieQuery(filter=MovieFilter(genre=genre), limit=100, counts_total=True)
            )
            of_genre = [movie for movie in movies if genre in movie["genres"]]
            assert len(found.movies) == found.total == len(of_genre)
    database.close()
    assert page.total == len(movies)
    assert sorted(movie["title"] for movie in movies) == sorted(titles)


def test_a_delete_is_visible_to_a_client_that_sends_its_revision(
    database: Database, tmp_path: Path
) -> None:
    store(database.unit_of_work, MovieFacts(title="Alien"))
    secret = ApiKeys(database.unit_of_work).create("robot", {Scope.MOVIES_DELETE}).secret
    with running(tmp_path, MOVIES_PROCESSES="2", MOVIES_SEED="off") as service:
        url = service.url()
        service.read_until("Ready. Try:")
        wait_until_all_serve(service, url, 2)
        for _ in range(10):
            assert requests.get(f"{url}/movies/1", timeout=5).ok
        response = requests.delete(f"{url}/movies/1", headers={"X-API-Key": secret}, timeout=5)
        assert response.status_code == 204
        revision = {REVISION_HEADER: response.headers[REVISION_HEADER]}
        for _ in range(10):
            assert requests.get(f"{url}/movies/1", headers=revision, timeout=5).status_code == 404
