import os
import random
import signal
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import orjson
import psutil
import pytest
import requests

from data_layer.database import Database
from data_layer.entities.movie import MovieFacts
from data_layer.entities.movie_query import MovieFilter, MovieQuery
from data_layer.entities.scope import Scope
from movies_service.accounts.api_keys import ApiKeys
from movies_service.http_semantics.headers import REVISION_HEADER
from movies_service.tests.conftest import store
from movies_service.tests.service_process import STOP_SECONDS, Service, emulator, running

pytestmark = pytest.mark.integration

BROKEN_OFF = (requests.ConnectionError, requests.exceptions.ChunkedEncodingError)
"""What a client sees of a process that is killed: before its answer, or within."""

KINDS = ["sqlite", "postgresql", "mariadb"]
OLDER_ANSWERS_SECONDS = 1.0
"""For how long another process may give older answers, as README promises."""

# Not formatted: a list to read, not a column.
TITLES = (
    "Aliens", "Amadeus", "Argo", "Big", "Brazil", "Casablanca", "Chicago", "Chinatown", "Fargo",
    "Gandhi", "Gravity", "Jaws", "Lincoln", "Milk", "Network",
)  # fmt: skip


def url_of(kind: str, request: pytest.FixtureRequest, folder: Path) -> str:
    """The URL of an empty catalogue."""
    if kind == "sqlite":
        return f"sqlite:///{folder / 'movies.db'}"
    url: str = request.getfixturevalue(f"{kind}_url")
    return url


@pytest.fixture(params=KINDS)
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty catalogue on each database in turn."""
    return url_of(request.param, request, tmp_path)


def read_total(url: str, revision: str | None = None) -> int:
    """How many films a page says there are."""
    headers = {REVISION_HEADER: revision} if revision else {}
    page = requests.get(f"{url}/movies", headers=headers, timeout=5)
    total: int = page.json()["total"]
    return total


def test_a_write_through_one_process_is_seen_by_another_within_a_second(
    database_url: str, tmp_path: Path
) -> None:
    settings = {"DATABASE_URL": database_url, "MOVIES_SEED": "off"}
    with running(tmp_path, **settings) as one, running(tmp_path, **settings) as other:
        urls = one.url(), other.url()
        waits = [0.0]
        for number, title in enumerate(TITLES):
            taking, reading = urls[number % 2], urls[1 - number % 2]
            assert [read_total(url) for url in (taking, reading, reading)] == [number] * 3
            answer = requests.post(f"{taking}/movies", json={"title": title}, timeout=10)
            written = time.monotonic()
            assert answer.status_code == 201
            assert read_total(taking) == number + 1
            if number % 3 == 0:
                assert read_total(reading, answer.headers[REVISION_HEADER]) == number + 1
            asked = written
            while read_total(reading) == number:
                waits.append(asked - written)  # An older answer, to what was asked at that time.
                asked = time.monotonic()
        assert max(waits) < OLDER_ANSWERS_SECONDS, waits


def pids_of(service: Service) -> list[int]:
    """The numbers of the processes that serve."""
    pids = []
    for child in psutil.Process(service.process.pid).children():
        with suppress(psutil.NoSuchProcess):  # A zombie is none either.
            if "spawn_main" in " ".join(child.cmdline()):
                pids.append(child.pid)
    return pids


def wait_until_all_serve(service: Service, url: str, count: int) -> None:
    """Return when so many processes are there, and the service answers."""
    while len(pids_of(service)) < count:
        time.sleep(0.02)
    assert requests.get(f"{url}/health/live", timeout=20).ok


def test_a_process_that_dies_is_replaced_and_its_counts_stay(tmp_path: Path) -> None:
    with running(tmp_path, MOVIES_PROCESSES="2", MOVIES_SEED="off") as service:
        url = service.url()
        service.read_until("Ready. Try:")
        for _ in range(20):
            requests.get(f"{url}/movies", timeout=5)
        time.sleep(1.5)  # The processes leave their counts once a second.
        for pid in (before := pids_of(service)):
            os.kill(pid, signal.SIGKILL)
        while set(pids_of(service)) & set(before):
            time.sleep(0.02)
        wait_until_all_serve(service, url, 2)
        metrics = requests.get(f"{url}/metrics", timeout=20).text
        assert (
            'movies_http_requests_total{method="GET",route="/movies",status="200"} 20.0' in metrics
        )
        assert service.stop() == 0
    assert service.log.read_text().count("a process has died") == 2


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_all_processes_stop_in_time_and_answer_what_is_in_flight(
    tmp_path: Path, number: int
) -> None:
    answers: list[int] = []
    with (
        emulator("--latency-ms", "1500") as omdb_url,
        running(
            tmp_path,
            OMDB_URL=omdb_url,
            OMDB_API_KEY="key",
            MOVIES_SEED="off",
            MOVIES_PROCESSES="3",
        ) as service,
    ):
        url = service.url()
        service.read_until("Ready. Try:")
        wait_until_all_serve(service, url, 3)
        wishing = [
            threading.Thread(
                target=lambda wish=title: answers.append(
                    requests.post(f"{url}/movies", json={"title": wish}, timeout=20).status_code
                )
            )
            for title in TITLES[:6]
        ]
        for thread in wishing:
            thread.start()
        time.sleep(0.7)
        serving = pids_of(service)
        started = time.monotonic()
        assert service.stop(number) == 0
        assert time.monotonic() - started < STOP_SECONDS
        for thread in wishing:
            thread.join()
    assert answers == [201] * 6
    assert not any(map(psutil.pid_exists, serving))


def test_a_second_signal_stops_them_at_once(tmp_path: Path) -> None:
    with (
        emulator("--latency-ms", "20000") as omdb_url,
        running(
            tmp_path,
            OMDB_URL=omdb_url,
            OMDB_API_KEY="key",
            MOVIES_SEED="off",
            MOVIES_PROCESSES="2",
        ) as service,
    ):
        url = service.url()
        service.read_until("Ready. Try:")
        wait_until_all_serve(service, url, 2)
        with ThreadPoolExecutor() as threads:
            wish = threads.submit(requests.post, f"{url}/movies", json={"title": "Milk"})
            time.sleep(0.5)
            service.process.send_signal(signal.SIGTERM)
            time.sleep(0.5)
            started = time.monotonic()
            assert service.stop(signal.SIGTERM) == 0
            assert time.monotonic() - started < 2
            assert isinstance(wish.exception(), BROKEN_OFF)


def test_no_process_outlives_the_first_one(tmp_path: Path) -> None:
    with running(tmp_path, MOVIES_PROCESSES="2", MOVIES_SEED="off") as service:
        url = service.url()
        service.read_until("Ready. Try:")
        wait_until_all_serve(service, url, 2)
        serving = pids_of(service)
        service.process.kill()
        deadline = time.monotonic() + STOP_SECONDS
        while any(map(psutil.pid_exists, serving)):
            assert time.monotonic() < deadline
            time.sleep(0.05)


def test_films_are_added_once_whoever_is_killed(database_url: str, tmp_path: Path) -> None:
    chance = random.Random(database_url[:3])  # noqa: S311 - No secret.
    statuses: Counter[int] = Counter()

    def wish(url: str, title: str) -> None:
        while True:
            try:
                answer = requests.post(f"{url}/movies", json={"title": title}, timeout=20)
            except BROKEN_OFF:  # It was killed: another one takes its place.
                time.sleep(0.1)
                continue
            statuses[answer.status_code] += 1
            if answer.ok:
                return

    with running(
        tmp_path, DATABASE_URL=database_url, MOVIES_PROCESSES="3", MOVIES_SEED="off"
    ) as service:
        url = service.url()
        service.read_until("Ready. Try:")
        with ThreadPoolExecutor(24) as threads:
            wishes = [threads.submit(wish, url, title) for title in TITLES for _ in range(6)]
            for _ in range(4):
                time.sleep(chance.random() / 2)
                if pids := pids_of(service):
                    os.kill(chance.choice(pids), signal.SIGKILL)
            for each in wishes:
                each.result()
    assert statuses[201] <= len(TITLES)
    require_whole(Database(database_url), set(TITLES))


def require_whole(database: Database, titles: set[str]) -> None:
    """Fail unless these films are there, each once, with all that belongs to it."""
    with database.unit_of_work(is_read_only=True) as uow:
        page = uow.movies.list(MovieQuery(limit=100, counts_total=True))
        films = [orjson.loads(movie.document) for movie in page.movies]
        for genre in {genre for film in films for genre in film["genres"]}:
            found = uow.movies.list(
                MovieQuery(filter=MovieFilter(genre=genre), limit=100, counts_total=True)
            )
            of_genre = [film for film in films if genre in film["genres"]]
            assert len(found.movies) == found.total == len(of_genre)
    database.close()
    assert page.total == len(films)
    assert sorted(film["title"] for film in films) == sorted(titles)


def test_a_delete_is_seen_by_who_sends_its_revision_back(
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
        answer = requests.delete(f"{url}/movies/1", headers={"X-API-Key": secret}, timeout=5)
        assert answer.status_code == 204
        revision = {REVISION_HEADER: answer.headers[REVISION_HEADER]}
        for _ in range(10):
            assert requests.get(f"{url}/movies/1", headers=revision, timeout=5).status_code == 404
