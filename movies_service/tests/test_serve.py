import contextlib
import json
import os
import pty
import random
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import requests

from common.errors import InvalidSetting
from common.settings import Settings
from movies_service.cli.serve import listen, url_of
from movies_service.tests.service_process import ROOT, STOP_SECONDS, Service, emulator, running

pytestmark = pytest.mark.integration


def films(tmp_path: Path) -> int:
    """How many films the database has."""
    with closing(sqlite3.connect(tmp_path / "movies.db")) as connection:
        (count,) = connection.execute("SELECT count(*) FROM movies").fetchone()
    return int(count)


def test_a_first_start_seeds_and_a_second_one_does_not(tmp_path: Path) -> None:
    with running(tmp_path) as service:
        url = service.url()
        service.read_until("Ready. Try:")
        assert requests.get(f"{url}/movies", timeout=5).json()["total"] == 100
        assert service.stop() == 0
    with running(tmp_path) as service:
        url = service.url()
        service.read_until("Ready. Try:")
        requests.delete(f"{url}/movies/1", timeout=5)
        assert service.stop(signal.SIGINT) == 0
    log = service.log.read_text()
    assert log.count("100/100") == 1
    assert "Traceback" not in log


def test_the_three_commands_that_it_prints_work(tmp_path: Path) -> None:
    with running(tmp_path) as service:
        service.read_until("Ready. Try:")
        assert service.process.stdout is not None
        commands = [service.process.stdout.readline() for _ in range(3)]
        answers: list[dict[str, Any]] = [
            json.loads(
                subprocess.run(["sh", "-c", command], check=True, capture_output=True).stdout
            )
            for command in commands
        ]
    assert len(answers[0]["movies"]) == 2
    assert [answer["title"] for answer in answers[1:]] == ["Alien", "Brazil"]


def test_answers_while_it_seeds(tmp_path: Path) -> None:
    with (
        emulator("--latency-ms", "200") as omdb_url,
        running(tmp_path, OMDB_URL=omdb_url, OMDB_API_KEY="key") as service,
    ):
        url = service.url()
        totals = [0]
        while totals[-1] < 100:
            totals.append(requests.get(f"{url}/movies", timeout=5).json()["total"])
        assert totals == sorted(totals)
        assert len(set(totals)) > 2


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_request_in_flight_is_answered_before_it_stops(tmp_path: Path, number: int) -> None:
    answers: list[requests.Response] = []
    with (
        emulator("--latency-ms", "1500") as omdb_url,
        running(tmp_path, OMDB_URL=omdb_url, OMDB_API_KEY="key", MOVIES_SEED="off") as service,
    ):
        url = service.url()
        post = threading.Thread(
            target=lambda: answers.append(
                requests.post(f"{url}/movies", json={"title": "Alien"}, timeout=20)
            )
        )
        post.start()
        while "request" not in service.log.read_text():
            requests.get(f"{url}/health/live", timeout=5)
        started = time.monotonic()
        assert service.stop(number) == 0
        assert time.monotonic() - started < STOP_SECONDS
        post.join()
    assert answers[0].status_code == 201
    assert films(tmp_path) == 1


def test_stops_in_the_middle_of_a_seeding_and_goes_on(tmp_path: Path) -> None:
    with emulator("--latency-ms", "300") as omdb_url:
        settings = {"OMDB_URL": omdb_url, "OMDB_API_KEY": "key"}
        with running(tmp_path, **settings) as service:
            url = service.url()
            while not requests.get(f"{url}/movies", timeout=5).json()["total"]:
                pass
            assert service.stop() == 0
        assert 0 < films(tmp_path) < 100
        with running(tmp_path, **settings) as service:
            service.read_until("Ready. Try:")
            assert service.stop() == 0
    assert films(tmp_path) == 100


def test_two_services_on_one_empty_database_seed_once(tmp_path: Path) -> None:
    with emulator("--quota", "100") as omdb_url:
        settings = {"OMDB_URL": omdb_url, "OMDB_API_KEY": "key"}
        with running(tmp_path, **settings) as one, running(tmp_path, **settings) as other:
            for service in (one, other):
                service.read_until("Ready. Try:")
    assert films(tmp_path) == 100


def test_killed_at_random_moments_it_ends_with_a_hundred_films(tmp_path: Path) -> None:
    dice = random.Random(2026)  # noqa: S311 - No secret depends on it.
    with emulator("--latency-ms", "100") as omdb_url:
        settings = {"OMDB_URL": omdb_url, "OMDB_API_KEY": "key"}
        for _ in range(4):
            with running(tmp_path, **settings) as service:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    service.process.wait(dice.uniform(0.3, 2.0))
                service.process.kill()
        with running(tmp_path, **settings) as service:
            service.read_until("Ready. Try:")
    assert films(tmp_path) == 100


@pytest.mark.parametrize("processes", ["1", "2"])
def test_a_signal_at_any_moment_of_the_start_ends_it(tmp_path: Path, processes: str) -> None:
    dice = random.Random(processes)  # noqa: S311 - No secret depends on it.
    for _ in range(5):
        with running(tmp_path, MOVIES_PROCESSES=processes) as service:
            with contextlib.suppress(subprocess.TimeoutExpired):
                service.process.wait(dice.uniform(0.2, 2.5))
            # Before Python has come to our code, the system ends it.
            assert service.stop() in {0, -signal.SIGTERM}
        assert "Traceback" not in service.log.read_text()


def test_an_upstream_that_fails_does_not_keep_it_from_serving(tmp_path: Path) -> None:
    with (
        emulator("--fault", "bad-key") as omdb_url,
        running(tmp_path, OMDB_URL=omdb_url, OMDB_API_KEY="hunter2") as service,
    ):
        url = service.url()
        service.read_until("Ready. Try:")
        assert requests.get(f"{url}/movies", timeout=5).json()["total"] == 0
        answer = requests.post(f"{url}/movies", json={"title": "Alien"}, timeout=5)
        assert answer.status_code == 502
        assert service.stop() == 0
        log = service.log.read_text()
    assert "check OMDB_API_KEY" in log
    assert "some films were not seeded" in log
    assert "hunter2" not in log


def test_a_hundred_wishes_at_once_are_one_call_and_one_film(tmp_path: Path) -> None:
    answers: list[requests.Response] = []
    with (
        emulator("--latency-ms", "300", "--quota", "1") as omdb_url,
        running(tmp_path, OMDB_URL=omdb_url, OMDB_API_KEY="key", MOVIES_SEED="off") as service,
    ):
        url = service.url()
        threads = [
            threading.Thread(
                target=lambda: answers.append(
                    requests.post(f"{url}/movies", json={"title": "Brazil"}, timeout=20)
                )
            )
            for _ in range(100)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert sorted(answer.status_code for answer in answers) == [200] * 99 + [201]
    assert len({answer.content for answer in answers}) == 1
    assert films(tmp_path) == 1


def test_a_key_is_made_where_a_person_sees_it_and_nowhere_else(tmp_path: Path) -> None:
    with running(tmp_path, MOVIES_SEED="off") as service:
        service.read_until("keys create admin --scope admin")
    terminal, terminal_end = pty.openpty()
    log = tmp_path / "log.txt"
    environment = os.environ | {
        "DATABASE_URL": f"sqlite:///{tmp_path / 'movies.db'}",
        "PORT": "0",
        "MOVIES_SEED": "off",
    }
    with log.open("wb") as errors:
        process = subprocess.Popen(
            [sys.executable, "-m", "movies_service", "serve"],
            cwd=ROOT,
            env=environment,
            stdout=terminal_end,
            stderr=errors,
        )
    shown = ""
    while "Ready." not in shown:
        shown += os.read(terminal, 4096).decode()
    secret = re.search(r"mvs_\S+", shown)
    url = re.search(r"serves on (\S+)", shown)
    assert secret is not None
    assert url is not None
    answer = requests.delete(f"{url[1]}/movies/1", headers={"X-API-Key": secret.group()}, timeout=5)
    assert answer.status_code == 404
    process.terminate()
    assert process.wait(timeout=STOP_SECONDS) == 0
    os.close(terminal)
    os.close(terminal_end)
    assert secret.group() not in log.read_text()
    with running(tmp_path, MOVIES_SEED="off") as service:
        assert "key" not in service.read_until("\n")


def test_a_port_that_is_taken_is_a_sentence(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        service = Service(tmp_path, PORT=str(taken.getsockname()[1]))
        _, _ = service.process.communicate(timeout=10)
    assert service.process.returncode == 2
    assert "HOST and PORT: can't listen" in service.log.read_text()


@pytest.mark.parametrize("host", ["no.such.host.invalid", "192.0.2.1"])
def test_an_address_of_another_machine_is_a_sentence(host: str) -> None:
    with pytest.raises(InvalidSetting, match="HOST and PORT"):
        listen(Settings(HOST=host, PORT=0))


@pytest.mark.parametrize(
    ("host", "shown"),
    [("127.0.0.1", "127.0.0.1"), ("0.0.0.0", "127.0.0.1"), ("::1", "[::1]"), ("::", "[::1]")],  # noqa: S104 - Where such sockets are reached.
)
def test_says_where_it_is_reached_from_here(host: str, shown: str) -> None:
    with listen(Settings(HOST=host, PORT=0)) as listener:
        assert url_of(listener) == f"http://{shown}:{listener.getsockname()[1]}"
