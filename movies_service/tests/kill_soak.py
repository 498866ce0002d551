"""Soak test: repeatedly killed workers, and the state of their fetches: `make soak`.

Usage: python -m movies_service.tests.kill_soak [--fetches N] [--workers N] [--database URL]
"""

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import ExitStack, closing
from dataclasses import dataclass, field

from common.cli.progress import ProgressBar
from data_fetcher.emulator.server import EmulatorOptions
from data_fetcher.fetch_queue.deduplication_key import Requester
from data_fetcher.fetch_queue.queue import FetchQueue
from data_fetcher.omdb.lookups import ImdbIdLookup
from data_fetcher.tests.emulator_thread import emulator
from data_layer.database import Database
from data_layer.entities.fetch import FetchState
from data_layer.entities.movie_query import MovieQuery
from movies_service.tests.service_process import ROOT, url_of

LEASE_SECONDS = 5
LIFE_SECONDS = (0.1, 2.0)
"""Shortest and longest time between the start of a worker's work and its kill."""


@dataclass
class SoakResult:
    """State of fetches and catalogue after a soak test.

    Args:
        lookups: number of requested movies.
        movies: number of requested movies in the catalogue.
        states: number of fetches by state.
        kills: number of killed workers.
        duplicates: number of additional movies in the catalogue.
        seconds: duration.
    """

    lookups: int
    movies: int = 0
    states: Counter[FetchState] = field(default_factory=Counter)
    kills: int = 0
    duplicates: int = 0
    seconds: float = 0

    @property
    def is_clean(self) -> bool:
        """Whether every fetch has exactly one movie."""
        return (
            self.states == Counter({FetchState.FETCHED: self.lookups})
            and self.movies == self.lookups
            and self.duplicates == 0
        )


@dataclass(frozen=True, kw_only=True)
class SoakPlan:
    """Parameters of a soak test."""

    lookups: int = 1_000
    workers: int = 3
    latency_ms: int = 50
    seed: int = 1
    give_up_seconds: int = 1_800


def soak(database: Database, plan: SoakPlan) -> SoakResult:
    """Queue fetches, and kill workers at random until all movies are fetched or time is up."""
    rng = random.Random(plan.seed)  # noqa: S311 - No secret depends on it.
    fetches, lookups = FetchQueue(database.unit_of_work), plan.lookups
    started = time.monotonic()
    with (
        emulator(EmulatorOptions(latency_ms=plan.latency_ms), generated=lookups) as omdb_url,
        ExitStack() as stack,
    ):
        fetches.enqueue([ImdbIdLookup(imdb_id) for imdb_id in _ids(lookups)], Requester())
        workers = [
            stack.enter_context(closing(_Worker(database, omdb_url, rng)))
            for _ in range(plan.workers)
        ]
        with ProgressBar("Fetched", "movies") as progress:
            while fetches.counts().get(FetchState.FETCHED, 0) < lookups:
                if time.monotonic() - started > plan.give_up_seconds:
                    break
                for worker in workers:
                    worker.step()
                progress.update(fetches.counts().get(FetchState.FETCHED, 0), lookups)
                time.sleep(0.05)
        kills = sum(worker.kills for worker in workers)
    result = _read_result(database, lookups)
    result.kills, result.seconds = kills, time.monotonic() - started
    return result


class _Worker:
    """A worker process that is killed and restarted at random intervals."""

    def __init__(self, database: Database, omdb_url: str, rng: random.Random) -> None:
        self._environment = os.environ | {
            "DATABASE_URL": url_of(database),
            "OMDB_URL": omdb_url,
            "OMDB_API_KEY": "key",
            "OMDB_DAILY_LIMIT": "off",
            "MOVIES_FETCH_LEASE_SECONDS": str(LEASE_SECONDS),
            "MOVIES_LOG_LEVEL": "error",
            "MOVIES_INGEST_SOURCE": "off",
        }
        self._rng = rng
        self.kills = 0
        self._start()

    def _start(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "data_fetcher", "worker"],
            cwd=ROOT,
            env=self._environment,
            stderr=subprocess.PIPE,
        )
        assert self._process.stderr is not None
        os.set_blocking(self._process.stderr.fileno(), False)
        self._kill_at: float | None = None

    def step(self) -> None:
        """Schedule the kill of a worker that has started, or kill and restart it when due."""
        assert self._process.stderr is not None
        if self._kill_at is None:
            if b"Working" in (self._process.stderr.read() or b""):
                self._kill_at = time.monotonic() + self._rng.uniform(*LIFE_SECONDS)
            assert self._process.poll() is None, "A worker exited without being killed."
        elif time.monotonic() >= self._kill_at:
            self._end()
            self.kills += 1
            self._start()

    def close(self) -> None:
        """Kill the current process."""
        self._end()

    def _end(self) -> None:
        assert self._process.stderr is not None
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()
        self._process.stderr.close()


def _ids(count: int) -> list[str]:
    return [f"tt{8_000_000 + number}" for number in range(1, count + 1)]


def _read_result(database: Database, lookups: int) -> SoakResult:
    ids = _ids(lookups)
    with database.unit_of_work(is_read_only=True) as uow:
        total = uow.movies.list(MovieQuery(limit=1, counts_total=True)).total or 0
        found = sum(
            len(uow.movies.find_many_by_imdb_id(ids[start : start + 500]))
            for start in range(0, lookups, 500)
        )
        states = Counter(uow.fetches.counts())
    return SoakResult(lookups=lookups, movies=found, states=states, duplicates=total - found)


def main() -> None:
    """Run the soak test on the given databases, or on a new SQLite file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--fetches", type=int, default=1_000)
    parser.add_argument("--workers", type=int, default=3)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--database", action="append", default=[], help="URL of an empty database")
    arguments = parser.parse_args()
    plan = SoakPlan(lookups=arguments.fetches, workers=arguments.workers, seed=arguments.seed)
    with tempfile.TemporaryDirectory() as folder:
        is_clean = True
        for url in arguments.database or [f"sqlite:///{folder}/movies.db"]:
            with closing(Database(url)) as database:
                database.migrate()
                result = soak(database, plan)
            kind = url.partition(":")[0]
            print(
                f"{kind}: {result.lookups} fetches, {result.movies} movies,"
                f" {result.duplicates} duplicates, {result.kills} workers killed,"
                f" {result.seconds:.0f} s"
            )
            is_clean = is_clean and result.is_clean
    sys.exit(not is_clean)


if __name__ == "__main__":
    main()
