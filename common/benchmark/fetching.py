"""How fast a worker fetches, and what readers notice of it."""

import datetime as dt
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path

import requests

from common.benchmark.commands import BenchmarkFailed, run_command
from common.benchmark.experiment import Observer
from common.benchmark.findings import Finding
from common.benchmark.load import LoadGenerator, Tool
from common.benchmark.servers import served

CONCURRENCY = 25
"""Requests of a worker at once; `fetcher_config.json` has it."""

_FIRST_ID = 8_000_001
"""Of the films that the emulator makes more of."""

_READ_SECONDS = 2.0
_CONNECTIONS = 1
_PATH = "/movies"
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
        tool: what makes the load of reads.
    """

    database_url: str | None
    films: int = 1_000
    latency_ms: int = 50
    rounds: int = 3
    tool: Tool


@dataclass(frozen=True, slots=True)
class FetchingResults:
    """What was measured.

    Args:
        kind: of the database, as its URL begins.
        limit_seconds: what waiting for OMDb alone takes.
        seconds: that each round took, from the first film begun to the last one stored.
        idle_us: the 99th percentile of the latency of cached reads, of each round.
        busy_us: the same while films are fetched by the same process.
        beside_us: the same while they are fetched by a worker beside it.
    """

    kind: str
    limit_seconds: float
    seconds: tuple[float, ...]
    idle_us: tuple[float, ...]
    busy_us: tuple[float, ...]
    beside_us: tuple[float, ...]

    def find(self) -> Iterator[Finding]:
        """Yield the figures that the project aims at."""
        speed = self.limit_seconds / statistics.median(self.seconds)
        name = f"worker on {self.kind}, in the limit of OMDb's latency"
        yield Finding(name, speed, "x", 0.85, is_at_least=True)
        for place, latencies in (("by the service", self.busy_us), ("beside it", self.beside_us)):
            slower = statistics.median(latencies) / statistics.median(self.idle_us)
            name = f"99th percentile of cached reads while films are fetched {place}, against idle"
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
    with _emulator(plan) as omdb_url:
        environment = _SETTINGS | {"OMDB_URL": omdb_url}
        seconds = tuple(_fetch(plan, environment, folder, number) for number in range(plan.rounds))
        observer.stage("Reading while films are fetched")
        idle, busy = _read(plan, environment, folder)
        _idle, beside = _read(plan, environment | {"MOVIES_FETCH_ENGINE": "workers"}, folder)
    return FetchingResults(
        kind=(plan.database_url or "sqlite").partition(":")[0],
        limit_seconds=plan.films / CONCURRENCY * plan.latency_ms / 1000,
        seconds=seconds,
        idle_us=idle,
        busy_us=busy,
        beside_us=beside,
    )


@contextmanager
def _emulator(plan: FetchingPlan) -> Iterator[str]:
    command = [sys.executable, "-m", "data_fetcher.emulator", "--port", "0"]
    command += ["--latency-ms", str(plan.latency_ms), "--more", str(plan.films * plan.rounds)]
    command = _politely(command)  # OMDb is on another machine.
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603 - Our own command.
        try:
            yield process.stdout.readline().split()[-1] if process.stdout else ""
        finally:
            process.terminate()


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
    generator = LoadGenerator(plan.tool, None)
    engine = environment.get("MOVIES_FETCH_ENGINE", "embedded")
    environment = environment | {"DATABASE_URL": f"sqlite:///{folder / f'read-{engine}.db'}"}
    idle, busy = [], []

    def read(url: str) -> float:
        load = generator.run(url, [_PATH], seconds=_READ_SECONDS, connections=_CONNECTIONS)
        return load.latency_us["99"]

    with (
        served(
            lambda _port: [sys.executable, "-m", "movies_service", "serve"],
            "/health/ready",
            folder / "service.log",
            environment=environment,
        ) as server,
        _worker(environment) if engine == "workers" else nullcontext(),
    ):
        for number in range(plan.rounds):
            read(server.url)
            idle.append(read(server.url))
            _wish(server.url, _ids(plan.films, number))
            busy.append(read(server.url))
            _wait_until_done(server.url)
    return tuple(idle), tuple(busy)


@contextmanager
def _worker(environment: dict[str, str]) -> Iterator[None]:
    command = _politely([sys.executable, "-m", "data_fetcher", "worker"])
    with subprocess.Popen(  # noqa: S603 - Our own command.
        command, env={**os.environ, **environment}, stderr=subprocess.DEVNULL
    ) as process:
        try:
            yield
        finally:
            process.terminate()


def _politely(command: list[str]) -> list[str]:
    """Return the command so that it stands back behind others, where the system has that."""
    nice = shutil.which("nice")
    return command if nice is None else [nice, "-n", "10", *command]


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
