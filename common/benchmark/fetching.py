"""How fast a worker fetches, and what readers notice of it."""

import datetime as dt
import json
import os
import re
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import requests

from common.benchmark.commands import BenchmarkFailed, run_command
from common.benchmark.comparison import Finding
from common.benchmark.experiment import Observer
from common.benchmark.servers import served

CONCURRENCY = 25
"""Requests of a worker at once; `fetcher_config.json` has it."""

_FIRST_ID = 8_000_001
"""Of the films that the emulator makes more of."""

_READ_SECONDS = 2.0
_READ_PAUSE_SECONDS = 0.0003
"""Between an answer and the next request: what is measured is how long one takes, not how many
there can be."""

_TIMEOUT_SECONDS = 60
_REQUEST = b"GET /movies HTTP/1.1\r\nHost: benchmark\r\n\r\n"
_CONTENT_LENGTH = re.compile(rb"(?i)\ncontent-length: (\d+)")

_SETTINGS = {
    "OMDB_API_KEY": "benchmark",
    "OMDB_DAILY_LIMIT": "off",
    "MOVIES_LIMIT_ADDS": "off",
    "MOVIES_LIMIT_REQUESTS": "off",
    "MOVIES_LOG_LEVEL": "warning",
    "MOVIES_ACCESS_LOG": "off",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchingPlan:
    """What is measured.

    Args:
        database_url: an empty database, which keeps the films; `None` for SQLite files.
        films: how many are fetched in each round.
        latency_ms: that the emulated OMDb takes.
        rounds: how often.
    """

    database_url: str | None
    films: int = 1_000
    latency_ms: int = 50
    rounds: int = 3


@dataclass(frozen=True, slots=True)
class FetchingResults:
    """What was measured.

    Args:
        kind: of the database, as its URL begins.
        limit_seconds: what waiting for OMDb alone takes.
        seconds: that each round took, from the first film begun to the last one stored.
        idle_us: the 99th percentile of the latency of cached reads, of each round.
        busy_us: the same while the service fetches films.
    """

    kind: str
    limit_seconds: float
    seconds: tuple[float, ...]
    idle_us: tuple[float, ...]
    busy_us: tuple[float, ...]

    def find(self) -> Iterator[Finding]:
        """Yield the figures that the project aims at."""
        speed = self.limit_seconds / statistics.median(self.seconds)
        name = f"worker on {self.kind}, in the limit of OMDb's latency"
        yield Finding(name, speed, "x", 0.85, is_at_least=True)
        slower = statistics.median(self.busy_us) / statistics.median(self.idle_us)
        name = "99th percentile of cached reads while films are fetched, against idle"
        yield Finding(name, slower, "x", 2, is_at_least=False)


def measure_fetching(plan: FetchingPlan, folder: Path, observer: Observer) -> FetchingResults:
    """Fetch films, and read while films are fetched.

    Args:
        plan: what.
        folder: an empty one, for databases and logs.
        observer: is told how far it is.

    Raises:
        BenchmarkFailed: a server or a command does not run.
        RequestException: a server does not answer what it has to.
    """
    observer.stage(f"Fetching {plan.films:,} films, {plan.rounds} times")
    with _emulator(plan) as (omdb, omdb_url):
        environment = _SETTINGS | {"OMDB_URL": omdb_url}
        seconds = tuple(_fetch(plan, environment, folder, number) for number in range(plan.rounds))
        observer.stage("Reading while films are fetched")
        _move_away(omdb)
        idle, busy = _read(plan, environment, folder)
    return FetchingResults(
        kind=(plan.database_url or "sqlite").partition(":")[0],
        limit_seconds=plan.films / CONCURRENCY * plan.latency_ms / 1000,
        seconds=seconds,
        idle_us=idle,
        busy_us=busy,
    )


@contextmanager
def _emulator(plan: FetchingPlan) -> Iterator[tuple[subprocess.Popen[str], str]]:
    command = [sys.executable, "-m", "data_fetcher.emulator", "--port", "0"]
    command += ["--latency-ms", str(plan.latency_ms), "--more", str(plan.films * plan.rounds)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603 - Our own command.
        try:
            yield process, process.stdout.readline().split()[-1] if process.stdout else ""
        finally:
            process.terminate()


def _move_away(process: subprocess.Popen[str]) -> None:
    """Leave the processors to those who are measured, where the system has that: on Linux.

    A real OMDb is on another machine.
    """
    if hasattr(os, "SCHED_IDLE"):  # pragma: no branch  # Others have it not.
        os.sched_setscheduler(process.pid, os.SCHED_IDLE, os.sched_param(0))


def _fetch(plan: FetchingPlan, environment: dict[str, str], folder: Path, number: int) -> float:
    """Return how long a worker takes for films that nobody has asked for."""
    url = plan.database_url or f"sqlite:///{folder / f'fetched-{number}.db'}"
    with tempfile.NamedTemporaryFile("w", dir=folder) as file:
        file.write("\n".join(_ids(plan.films, number)))
        file.flush()
        command = [sys.executable, "-m", "movies_service", "fetch", "--json", "--file", file.name]
        before = dt.datetime.now(dt.UTC)
        fetches = json.loads(run_command(command, environment | {"DATABASE_URL": url}))

    def times(name: str) -> list[dt.datetime]:
        return [dt.datetime.fromisoformat(each[name]) for each in fetches]

    if min(times("created_at")) < before:
        raise BenchmarkFailed("The films were wished for before: the database was not empty.")
    return (max(times("finished_at")) - min(times("started_at"))).total_seconds()


def _read(
    plan: FetchingPlan, environment: dict[str, str], folder: Path
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return the latencies of cached reads, without and with films being fetched."""
    environment = environment | {"DATABASE_URL": f"sqlite:///{folder / 'read.db'}"}
    idle, busy = [], []
    with served(
        lambda _port: [sys.executable, "-m", "movies_service", "serve"],
        "/health/ready",
        folder / "service.log",
        environment=environment,
    ) as server:
        for number in range(plan.rounds):
            _read_for_a_while(server.url)
            idle.append(_read_for_a_while(server.url))
            _wish(server.url, _ids(plan.films, number))
            busy.append(_read_for_a_while(server.url))
            _wait_until_done(server.url)
    return tuple(idle), tuple(busy)


def _read_for_a_while(url: str) -> float:
    """Return the 99th percentile of the latency of reads one after the other, in microseconds."""
    latencies = []
    address = urlsplit(url).hostname, urlsplit(url).port
    with socket.create_connection(address, _TIMEOUT_SECONDS) as connection:
        end = time.perf_counter() + _READ_SECONDS
        while (began := time.perf_counter()) < end:
            connection.sendall(_REQUEST)
            _receive_answer(connection)
            latencies.append(time.perf_counter() - began)
            time.sleep(_READ_PAUSE_SECONDS)
    return statistics.quantiles(latencies, n=100)[-1] * 1e6


def _receive_answer(connection: socket.socket) -> None:
    """Read one answer; nothing of this takes as long as a client that knows all of HTTP.

    Raises:
        BenchmarkFailed: it says that something is wrong, or ends too soon.
    """
    answer = connection.recv(65_536)
    head, _, body = answer.partition(b"\r\n\r\n")
    found = _CONTENT_LENGTH.search(head)
    if not head.startswith(b"HTTP/1.1 200 ") or found is None:
        raise BenchmarkFailed(f"The service has answered {head.decode('latin-1')!r}.")
    left = int(found[1]) - len(body)
    while left > 0:
        left -= len(connection.recv(left)) or left


def _wish(url: str, ids: Sequence[str]) -> None:
    answer = requests.post(f"{url}/fetches", json={"wishes": ids}, timeout=60)
    answer.raise_for_status()


def _wait_until_done(url: str) -> None:
    def is_waiting() -> bool:
        return any(
            requests.get(f"{url}/fetches?state={state}&limit=1", timeout=60).json()["fetches"]
            for state in ("queued", "fetching")
        )

    all(iter(is_waiting, False))  # Asks until nothing is.


def _ids(films: int, number: int) -> list[str]:
    first = _FIRST_ID + films * number
    return [f"tt{each}" for each in range(first, first + films)]
