"""Benchmark of seeding, in parallel and sequentially, against the limit set by OMDb's latency."""

import json
import math
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from common.benchmark.commands import run_command


@dataclass(frozen=True, slots=True)
class SeedingTimes:
    """Times of several seedings with the same number of concurrent requests, in seconds."""

    concurrency: int
    movies: int
    latency_seconds: float
    seconds: tuple[float, ...]

    @property
    def limit_seconds(self) -> float:
        """Lower limit: the number of request rounds times the latency."""
        return self.latency_seconds * math.ceil(self.movies / self.concurrency)

    @property
    def median_seconds(self) -> float:
        """Median of the times."""
        return statistics.median(self.seconds)

    @property
    def ratio(self) -> float:
        """Median of the times divided by the limit."""
        return self.median_seconds / self.limit_seconds


def measure_seeding(latency_ms: int, concurrency: int, rounds: int) -> SeedingTimes:
    """Seed empty catalogues from an emulator with this latency, and return the times.

    The times include database work, but not the start of Python.

    Raises:
        BenchmarkFailed: A seeding failed.
    """
    with _emulator(latency_ms) as url:
        results = [_seed(url, concurrency) for _ in range(rounds)]
    return SeedingTimes(
        concurrency=concurrency,
        movies=int(results[0]["stored"]),
        latency_seconds=latency_ms / 1000,
        seconds=tuple(result["seconds"] for result in results),
    )


@contextmanager
def _emulator(latency_ms: int) -> Iterator[str]:
    command = [sys.executable, "-m", "data_fetcher.emulator", "--port", "0"]
    with subprocess.Popen(  # noqa: S603 - Our own command.
        [*command, "--latency-ms", str(latency_ms)], stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            yield process.stdout.readline().split()[-1] if process.stdout else ""
        finally:
            process.terminate()


def _seed(url: str, concurrency: int) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as folder:
        environment = {
            "DATABASE_URL": f"sqlite:///{Path(folder) / 'movies.db'}",
            "OMDB_URL": url,
            "OMDB_API_KEY": "benchmark",
        }
        command = [sys.executable, "-m", "data_fetcher", "--json"]
        output = run_command([*command, "--concurrency", str(concurrency)], environment)
    result: dict[str, float] = json.loads(output)
    return result
