"""Benchmark of the fetch worker, and of cached reads while movies are fetched."""

import datetime as dt
import json
import os
import re
import socket
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import requests

from common.benchmark.commands import BenchmarkFailed, run_command
from common.benchmark.comparison import Comparison
from common.benchmark.servers import emulated_omdb, served
from common.cli.progress import ProgressBar

CONCURRENCY = 25
"""Concurrent requests of a worker, as in `data_fetcher/seeding/seed_movies.json`."""

_FIRST_ID = 8_000_001
"""Number of the first IMDb id that the emulator generates."""

_READ_SECONDS = 2.0
_READ_PAUSE_SECONDS = 0.0003
"""Pause between a response and the next request, since latency is measured, not throughput."""

_TIMEOUT_SECONDS = 60
_REQUEST = b"GET /movies HTTP/1.1\r\nHost: benchmark\r\n\r\n"
_CONTENT_LENGTH = re.compile(rb"(?i)\ncontent-length: (\d+)")

_SETTINGS = {
    "OMDB_API_KEY": "benchmark",
    "OMDB_DAILY_LIMIT": "off",
    "MOVIES_RATE_LIMIT_ADDS": "off",
    "MOVIES_RATE_LIMIT_REQUESTS": "off",
    "MOVIES_LOG_LEVEL": "warning",
    "MOVIES_ACCESS_LOG": "off",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchingPlan:
    """Parameters of the benchmark.

    The movies stay in the database, which is empty at first; `None` stands for SQLite files.
    """

    database_url: str | None
    movies: int = 1_000
    latency_ms: int = 50
    rounds: int = 3


@dataclass(frozen=True, slots=True)
class FetchingResults:
    """Results of the benchmark.

    Args:
        limit_seconds: Lower limit of a round's duration, set by OMDb's latency.
        seconds: Duration of each round, from the start of the first fetch to the end of the last.
        idle_us: 99th percentile of the latency of cached reads in each round.
        busy_us: The same percentile while the service fetches movies.
    """

    kind: str
    limit_seconds: float
    seconds: tuple[float, ...]
    idle_us: tuple[float, ...]
    busy_us: tuple[float, ...]

    def find(self) -> Iterator[Comparison]:
        """Yield the measured figures that have targets."""
        speed = self.limit_seconds / statistics.median(self.seconds)
        name = f"worker on {self.kind}, in the limit of OMDb's latency"
        yield Comparison(name, speed, "x", 0.85, is_at_least=True)
        slower = statistics.median(self.busy_us) / statistics.median(self.idle_us)
        name = "99th percentile of cached reads while movies are fetched, against idle"
        yield Comparison(name, slower, "x", 2, is_at_least=False)


def measure_fetching(plan: FetchingPlan, folder: Path, progress: ProgressBar) -> FetchingResults:
    """Measure a worker that fetches movies, and reads while movies are fetched."""
    progress.stage(f"Fetching {plan.movies:,} movies, {plan.rounds} rounds")
    with emulated_omdb(
        plan.latency_ms, folder / "emulator.log", generated_movies=plan.movies * plan.rounds
    ) as omdb:
        environment = _SETTINGS | {"OMDB_URL": omdb.url}
        seconds = tuple(_fetch(plan, environment, folder, number) for number in range(plan.rounds))
        progress.stage("Reading while movies are fetched")
        _lower_priority(omdb.pid)
        idle, busy = _read(plan, environment, folder)
    return FetchingResults(
        kind=(plan.database_url or "sqlite").partition(":")[0],
        limit_seconds=plan.movies / CONCURRENCY * plan.latency_ms / 1000,
        seconds=seconds,
        idle_us=idle,
        busy_us=busy,
    )


def _lower_priority(pid: int) -> None:
    """Run the emulator only on idle processors (Linux), since a real OMDb runs elsewhere."""
    if hasattr(os, "SCHED_IDLE"):  # pragma: no branch  # Only Linux has it.
        os.sched_setscheduler(pid, os.SCHED_IDLE, os.sched_param(0))


def _fetch(plan: FetchingPlan, environment: dict[str, str], folder: Path, number: int) -> float:
    """Return the seconds that a worker takes to fetch movies that were not requested before."""
    url = plan.database_url or f"sqlite:///{folder / f'fetched-{number}.db'}"
    with tempfile.NamedTemporaryFile("w", dir=folder) as file:
        file.write("\n".join(_ids(plan.movies, number)))
        file.flush()
        command = [sys.executable, "-m", "movies_service", "fetch", "--json", "--file", file.name]
        before = dt.datetime.now(dt.UTC)
        fetches = json.loads(run_command(command, environment | {"DATABASE_URL": url}))

    def times(name: str) -> list[dt.datetime]:
        return [dt.datetime.fromisoformat(each[name]) for each in fetches]

    if min(times("created_at")) < before:
        raise BenchmarkFailed(
            "The movies were requested before: the database was not empty. Pass an empty one."
        )
    return (max(times("finished_at")) - min(times("started_at"))).total_seconds()


def _read(
    plan: FetchingPlan, environment: dict[str, str], folder: Path
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return the latencies of cached reads in each round, idle and while movies are fetched."""
    environment = environment | {"DATABASE_URL": f"sqlite:///{folder / 'read.db'}"}
    idle, busy = [], []
    with served(
        lambda _port: [sys.executable, "-m", "movies_service", "serve"],
        "/health/ready",
        folder / "service.log",
        environment=environment,
    ) as server:
        for number in range(plan.rounds):
            _measure_reads(server.url)  # Fills the cache.
            idle.append(_measure_reads(server.url))
            _request_fetches(server.url, _ids(plan.movies, number))
            busy.append(_measure_reads(server.url))
            _wait_until_done(server.url)
    return tuple(idle), tuple(busy)


def _measure_reads(url: str) -> float:
    """Return the 99th percentile of the latency of sequential reads, in microseconds."""
    latencies = []
    address = urlsplit(url).hostname, urlsplit(url).port
    with socket.create_connection(address, _TIMEOUT_SECONDS) as connection:
        end = time.perf_counter() + _READ_SECONDS
        while (started := time.perf_counter()) < end:
            connection.sendall(_REQUEST)
            _receive_response(connection)
            latencies.append(time.perf_counter() - started)
            time.sleep(_READ_PAUSE_SECONDS)
    return statistics.quantiles(latencies, n=100)[-1] * 1e6


def _receive_response(connection: socket.socket) -> None:
    """Read one response; a full HTTP client would add to the measured latency."""
    received = connection.recv(65_536)
    head, _, body = received.partition(b"\r\n\r\n")
    length = _CONTENT_LENGTH.search(head)
    if not head.startswith(b"HTTP/1.1 200 ") or length is None:
        raise BenchmarkFailed(f"Unexpected response of the service: {head.decode('latin-1')!r}.")
    remaining = int(length[1]) - len(body)
    while remaining > 0:
        remaining -= len(connection.recv(remaining)) or remaining


def _request_fetches(url: str, ids: Sequence[str]) -> None:
    response = requests.post(f"{url}/fetches", json={"movies": ids}, timeout=60)
    response.raise_for_status()


def _wait_until_done(url: str) -> None:
    def has_open_fetches() -> bool:
        return any(
            requests.get(f"{url}/fetches?state={state}&limit=1", timeout=60).json()["fetches"]
            for state in ("queued", "fetching")
        )

    all(iter(has_open_fetches, False))  # Repeats the requests until no fetch is open.


def _ids(movies: int, number: int) -> list[str]:
    first = _FIRST_ID + movies * number
    return [f"tt{each}" for each in range(first, first + movies)]
