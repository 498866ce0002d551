"""Benchmark of seeding, in parallel and sequentially, against the limit set by OMDb's latency."""

import json
import math
import statistics
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from common.benchmark.commands import run_command
from common.benchmark.servers import emulated_omdb


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
    """
    with (
        tempfile.TemporaryDirectory() as folder,
        emulated_omdb(latency_ms, Path(folder) / "emulator.log") as omdb,
    ):
        results = [
            _seed(omdb.url, concurrency, Path(folder) / f"{number}.db") for number in range(rounds)
        ]
    return SeedingTimes(
        concurrency=concurrency,
        movies=int(results[0]["stored"]),
        latency_seconds=latency_ms / 1000,
        seconds=tuple(result["seconds"] for result in results),
    )


def _seed(url: str, concurrency: int, database: Path) -> dict[str, float]:
    environment = {
        "DATABASE_URL": f"sqlite:///{database}",
        "OMDB_URL": url,
        "OMDB_API_KEY": "benchmark",
    }
    command = [sys.executable, "-m", "data_fetcher", "--json", "--concurrency", str(concurrency)]
    result: dict[str, float] = json.loads(run_command(command, environment))
    return result
