import asyncio
import contextlib
import json
import logging
import multiprocessing
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
import uvicorn

from common.cli.exit_codes import ExitCode
from common.errors import InvalidSetting
from common.settings import Settings
from common.shutdown import ShutdownSignal
from data_fetcher.emulator.server import EmulatorOptions
from data_fetcher.tests.emulator_thread import emulator
from data_layer.database import Database
from movies_service.cli import serve
from movies_service.cli.serve import base_url, bind_socket, is_not_cancellation
from movies_service.tests.service_process import ROOT, STOP_SECONDS, Service, running

pytestmark = pytest.mark.integration


def count_movies(tmp_path: Path) -> int:
    """Return the number of movies in the database."""
    with closing(sqlite3.connect(tmp_path / "movies.db")) as connection:
        (count,) = connection.execute("SELECT count(*) FROM movies").fetchone()
    return int(count)


def test_seeds_only_at_the_first_start(tmp_path: Path) -> None:
    with running(tmp_path) as service:
        url = service.url()
        service.read_until("api-keys create admin --scope admin")
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


def test_a_start_imports_no_package_that_it_does_not_use(tmp_path: Path) -> None:
    with closing(Database(f"sqlite:///{tmp_path / 'movies.db'}")) as database:
        database.migrate()  # The first start imports Alembic.
    with running(tmp_path, PYTHONPROFILEIMPORTTIME="1") as service:
        url = service.url()
        service.read_until("Ready. Try:")
        requests.get(f"{url}/movies", timeout=5).raise_for_status()
    imported = set(
        re.findall(r"^import time:.*\| +([a-z0-9_]+)", service.log.read_text(), re.MULTILINE)
    )
    assert imported >= {"fastapi", "sqlalchemy", "structlog"}
    heavy = {"alembic", "boto3", "grpc", "mako", "obstore", "psycopg", "pymysql", "redis", "yaml"}
    assert imported & heavy == set()


def test_the_printed_example_commands_work(tmp_path: Path) -> None:
    with running(tmp_path) as service:
        service.read_until("Ready. Try:")
        assert service.process.stdout is not None
        commands = [service.process.stdout.readline() for _ in range(3)]
        responses: list[dict[str, Any]] = [
            json.loads(
                subprocess.run(["sh", "-c", command], check=True, capture_output=True).stdout
            )
            for command in commands
        ]
    assert len(responses[0]["movies"]) == 2
    assert [response["title"] for response in responses[1:]] == ["Alien", "Brazil"]


def test_serves_requests_while_seeding(tmp_path: Path) -> None:
    with (
        emulator(EmulatorOptions(latency_ms=200)) as omdb_url,
        running(tmp_path, OMDB_URL=omdb_url, OMDB_API_KEY="key") as service,
    ):
        url = service.url()
        totals = [0]
        while totals[-1] < 100:
            totals.append(requests.get(f"{url}/movies", timeout=5).json()["total"])
        assert totals == sorted(totals)
        assert len(set(totals)) > 2


def test_finishes_requests_in_flight_before_it_stops(tmp_path: Path) -> None:
    responses: list[requests.Response] = []
    with (
        emulator(EmulatorOptions(latency_ms=1500)) as omdb_url,
        running(tmp_path, OMDB_URL=omdb_url, OMDB_API_KEY="key", MOVIES_SEED="off") as service,
    ):
        url = service.url()
        post = threading.Thread(
            target=lambda: responses.append(
                requests.post(f"{url}/movies", json={"title": "Alien"}, timeout=20)
            )
        )
        post.start()
        while "request" not in service.log.read_text():
            requests.get(f"{url}/health/live", timeout=5)
        started = time.monotonic()
        assert service.stop() == 0
        assert time.monotonic() - started < STOP_SECONDS
        post.join()
    assert responses[0].status_code == 201
    assert count_movies(tmp_path) == 1


def test_a_second_signal_ends_the_service_at_once_and_without_a_traceback(tmp_path: Path) -> None:
    settings = {"OMDB_API_KEY": "key", "MOVIES_SEED": "off", "MOVIES_FETCH_BACKEND": "workers"}
    with socket.create_server(("127.0.0.1", 0)) as silent_omdb:
        omdb_url = f"http://127.0.0.1:{silent_omdb.getsockname()[1]}/"
        with running(tmp_path, OMDB_URL=omdb_url, **settings) as service:
            url = service.url()
            with pytest.raises(requests.ReadTimeout):
                requests.post(f"{url}/movies", json={"title": "Alien"}, timeout=1)
            while service.process.poll() is None:
                service.process.send_signal(signal.SIGINT)
                with contextlib.suppress(subprocess.TimeoutExpired):
                    service.process.wait(0.1)
            assert service.process.returncode == 0
    log = service.log.read_text()
    assert "Traceback" not in log
    assert "graceful shutdown exceeded" not in log


@pytest.mark.parametrize(("parent", "expected"), [(None, [ExitCode.DONE]), (object(), [])])
def test_the_second_signal_of_any_kind_exits_unless_supervised(
    monkeypatch: pytest.MonkeyPatch, parent: object, expected: list[int]
) -> None:
    exits: list[int] = []
    monkeypatch.setattr(multiprocessing, "parent_process", lambda: parent)
    monkeypatch.setattr(os, "_exit", exits.append)
    monkeypatch.setattr(serve, "force_exit_after", lambda _seconds, _exit_code: None)
    server = serve._Server(uvicorn.Config("no:app"), ShutdownSignal(), lambda: None)
    server.handle_exit(signal.SIGTERM, None)
    assert exits == []
    server.handle_exit(signal.SIGINT, None)
    assert exits == expected


def test_resumes_an_interrupted_seeding(tmp_path: Path) -> None:
    with emulator(EmulatorOptions(latency_ms=300)) as omdb_url:
        settings = {"OMDB_URL": omdb_url, "OMDB_API_KEY": "key"}
        with running(tmp_path, **settings) as service:
            url = service.url()
            while not requests.get(f"{url}/movies", timeout=5).json()["total"]:
                pass
            assert service.stop() == 0
        assert 0 < count_movies(tmp_path) < 100
        with running(tmp_path, **settings) as service:
            service.read_until("Ready. Try:")
            assert service.stop() == 0
    assert count_movies(tmp_path) == 100


def test_two_services_on_an_empty_database_seed_once(tmp_path: Path) -> None:
    with emulator(EmulatorOptions(quota=100)) as omdb_url:
        settings = {"OMDB_URL": omdb_url, "OMDB_API_KEY": "key"}
        with running(tmp_path, **settings) as first, running(tmp_path, **settings) as second:
            for service in (first, second):
                service.read_until("Ready. Try:")
    assert count_movies(tmp_path) == 100


@pytest.mark.parametrize("kills", [2, pytest.param(8, marks=pytest.mark.soak)])
def test_completes_the_seeding_after_kills_at_random_moments(tmp_path: Path, kills: int) -> None:
    dice = random.Random(2026)  # noqa: S311 - No secret depends on it.
    with emulator(EmulatorOptions(latency_ms=100)) as omdb_url:
        settings = {"OMDB_URL": omdb_url, "OMDB_API_KEY": "key"}
        for _ in range(kills):
            with running(tmp_path, **settings) as service:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    service.process.wait(dice.uniform(0.3, 2.0))
                service.process.kill()
        with running(tmp_path, **settings) as service:
            service.read_until("Ready. Try:")
    assert count_movies(tmp_path) == 100


@pytest.mark.parametrize("starts", [2, pytest.param(10, marks=pytest.mark.soak)])
@pytest.mark.parametrize("processes", ["1", "2"])
def test_a_signal_during_the_start_stops_the_service(
    tmp_path: Path, processes: str, starts: int
) -> None:
    dice = random.Random(processes)  # noqa: S311 - No secret depends on it.
    for _ in range(starts):
        with running(tmp_path, MOVIES_PROCESSES=processes) as service:
            with contextlib.suppress(subprocess.TimeoutExpired):
                service.process.wait(dice.uniform(0.2, 2.5))
            # Before the handlers are installed, the signal kills the process.
            assert service.stop() in {0, -signal.SIGTERM}
        assert "Traceback" not in service.log.read_text()


def test_serves_requests_if_omdb_fails(tmp_path: Path) -> None:
    with (
        emulator(EmulatorOptions(fault="bad-key")) as omdb_url,
        running(
            tmp_path, OMDB_URL=omdb_url, OMDB_API_KEY="hunter2", MOVIES_ACCESS_LOG="off"
        ) as service,
    ):
        url = service.url()
        while requests.get(f"{url}/health/ready", timeout=5).ok:
            time.sleep(0.05)
        ready = requests.get(f"{url}/health/ready", timeout=5)
        assert (ready.status_code, ready.json()["code"]) == (503, "unavailable")
        assert requests.get(f"{url}/movies", timeout=5).json()["total"] == 0
        response = requests.post(f"{url}/movies", json={"title": "Alien"}, timeout=5)
        assert response.status_code == 502
        assert service.stop() == 0
        log = service.log.read_text()
    assert "check OMDB_API_KEY" in log
    assert "hunter2" not in log
    assert len(log.splitlines()) <= 10, log


def test_a_rejected_key_ends_the_first_start_on_a_terminal(tmp_path: Path) -> None:
    terminal, terminal_end = pty.openpty()
    with emulator(EmulatorOptions(fault="bad-key")) as omdb_url:
        environment = os.environ | {
            "DATABASE_URL": f"sqlite:///{tmp_path / 'movies.db'}",
            "PORT": "0",
            "OMDB_URL": omdb_url,
            "OMDB_API_KEY": "hunter2",
        }
        done = subprocess.run(
            [sys.executable, "-m", "movies_service", "serve"],
            check=False,
            cwd=ROOT,
            env=environment,
            stdout=terminal_end,
            stderr=subprocess.PIPE,
            text=True,
            timeout=15,
        )
    os.close(terminal)
    os.close(terminal_end)
    assert done.returncode == 4
    assert done.stderr.splitlines()[-1].startswith("Error: OMDb rejected the API key: check")
    assert len(done.stderr.splitlines()) <= 3


def test_a_hundred_concurrent_requests_fetch_a_movie_once(tmp_path: Path) -> None:
    responses: list[requests.Response] = []
    with (
        emulator(EmulatorOptions(latency_ms=300, quota=1)) as omdb_url,
        running(tmp_path, OMDB_URL=omdb_url, OMDB_API_KEY="key", MOVIES_SEED="off") as service,
    ):
        url = service.url()
        threads = [
            threading.Thread(
                target=lambda: responses.append(
                    requests.post(f"{url}/movies", json={"title": "Brazil"}, timeout=20)
                )
            )
            for _ in range(100)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert sorted(response.status_code for response in responses) == [200] * 99 + [201]
    assert len({response.content for response in responses}) == 1
    assert count_movies(tmp_path) == 1


def test_prints_the_first_api_key_on_a_terminal(tmp_path: Path) -> None:
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
    output = ""
    while "Ready." not in output:
        output += os.read(terminal, 4096).decode()
    secret = re.search(r"mvs_\S+", output)
    url = re.search(r"serves on (\S+)", output)
    assert secret is not None
    assert url is not None
    response = requests.delete(
        f"{url[1]}/movies/1", headers={"X-API-Key": secret.group()}, timeout=5
    )
    assert response.status_code == 404
    process.terminate()
    assert process.wait(timeout=STOP_SECONDS) == 0
    os.close(terminal)
    os.close(terminal_end)
    assert secret.group() not in log.read_text()


def test_reports_a_port_in_use_in_one_sentence(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        service = Service(tmp_path, PORT=str(taken.getsockname()[1]))
        _, _ = service.process.communicate(timeout=10)
    assert service.process.returncode == 2
    assert "HOST and PORT: cannot listen" in service.log.read_text()


@pytest.mark.parametrize("host", ["no.such.host.invalid", "192.0.2.1"])
def test_rejects_an_address_of_another_machine(host: str) -> None:
    with pytest.raises(InvalidSetting, match="HOST and PORT"):
        bind_socket(Settings(HOST=host, PORT=0))


@pytest.mark.parametrize(
    ("host", "printed_host"),
    [("127.0.0.1", "127.0.0.1"), ("0.0.0.0", "127.0.0.1"), ("::1", "[::1]"), ("::", "[::1]")],  # noqa: S104 - Local addresses of such sockets.
)
def test_returns_the_local_url_of_a_socket(host: str, printed_host: str) -> None:
    with bind_socket(Settings(HOST=host, PORT=0)) as listener:
        assert base_url(listener) == f"http://{printed_host}:{listener.getsockname()[1]}"


def test_only_cancelled_requests_are_left_out_of_the_log() -> None:
    def record(error: BaseException | None) -> logging.LogRecord:
        exc_info = None if error is None else (type(error), error, None)
        return logging.LogRecord("uvicorn.error", logging.ERROR, "", 0, "", None, exc_info)

    assert not is_not_cancellation(record(asyncio.CancelledError()))
    assert is_not_cancellation(record(ZeroDivisionError()))
    assert is_not_cancellation(record(None))
