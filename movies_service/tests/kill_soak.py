"""Workers that are killed again and again, and what is left of the wishes: `make soak`.

Usage: python -m movies_service.tests.kill_soak [--wishes N] [--workers N] [--database URL]
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
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from data_fetcher.fetch_queue.deduplication_key import Wisher
from data_fetcher.fetch_queue.queue import Fetches
from data_fetcher.omdb.lookups import ImdbWish
from data_layer.database import Database
from data_layer.entities.fetch import FetchState
from data_layer.entities.movie_query import MovieQuery
from movies_service.tests.service_process import ROOT, emulator, url_of

LEASE_SECONDS = 5
LIFE_SECONDS = (0.1, 1.2)
"""How long a worker lives once it works, at least and at most."""


@dataclass
class Soak:
    """What became of the wishes.

    Args:
        films: in the catalogue.
        states: of the wishes.
        kills: how often a worker was killed.
        doubled: IMDb ids that the catalogue has more than once.
    """

    wishes: int
    films: int = 0
    states: Counter[FetchState] = field(default_factory=Counter)
    kills: int = 0
    doubled: int = 0
    seconds: float = 0

    @property
    def is_clean(self) -> bool:
        """Whether every wish has its film, once."""
        return (
            self.states == Counter({FetchState.FETCHED: self.wishes})
            and self.films == self.wishes
            and self.doubled == 0
        )


@dataclass(frozen=True, kw_only=True)
class SoakPlan:
    """How hard it gets."""

    wishes: int = 1_000
    workers: int = 3
    latency_ms: int = 50
    seed: int = 1
    give_up_seconds: int = 1_800


def soak(database: Database, plan: SoakPlan) -> Soak:
    """Wish for films, and kill who fetches them until all are there."""
    dice = random.Random(plan.seed)  # noqa: S311 - No secret depends on it.
    fetches, wishes = Fetches(database.unit_of_work), plan.wishes
    started = time.monotonic()
    with (
        emulator("--latency-ms", str(plan.latency_ms), "--more", str(wishes)) as omdb_url,
        ExitStack() as stack,
    ):
        fetches.wish([ImdbWish(imdb_id) for imdb_id in _ids(wishes)], Wisher())
        alive = [
            stack.enter_context(closing(_Worker(database, omdb_url, dice)))
            for _ in range(plan.workers)
        ]
        with _progress(wishes) as progress:
            while fetches.counts().get(FetchState.FETCHED, 0) < wishes:
                if time.monotonic() - started > plan.give_up_seconds:
                    break
                for worker in alive:
                    worker.live()
                progress(fetches.counts().get(FetchState.FETCHED, 0))
                time.sleep(0.05)
        kills = sum(worker.kills for worker in alive)
    found = _look(database, wishes)
    found.kills, found.seconds = kills, time.monotonic() - started
    return found


class _Worker:
    """A worker that is killed, and followed by another one."""

    def __init__(self, database: Database, omdb_url: str, dice: random.Random) -> None:
        self._environment = os.environ | {
            "DATABASE_URL": url_of(database),
            "OMDB_URL": omdb_url,
            "OMDB_API_KEY": "key",
            "OMDB_DAILY_LIMIT": "off",
            "MOVIES_FETCH_LEASE_SECONDS": str(LEASE_SECONDS),
            "MOVIES_LOG_LEVEL": "error",
            "MOVIES_INGEST_SOURCE": "off",
        }
        self._dice = dice
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
        self._dies_at: float | None = None

    def live(self) -> None:
        """Begin to work, die, or begin again, as it comes."""
        assert self._process.stderr is not None
        if self._dies_at is None:
            if b"Working" in (self._process.stderr.read() or b""):
                self._dies_at = time.monotonic() + self._dice.uniform(*LIFE_SECONDS)
            assert self._process.poll() is None, "A worker has ended by itself."
        elif time.monotonic() >= self._dies_at:
            self._end()
            self.kills += 1
            self._start()

    def close(self) -> None:
        """Kill the last one."""
        self._end()

    def _end(self) -> None:
        assert self._process.stderr is not None
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()
        self._process.stderr.close()


def _ids(count: int) -> list[str]:
    return [f"tt{8_000_000 + number}" for number in range(1, count + 1)]


def _look(database: Database, wishes: int) -> Soak:
    ids = _ids(wishes)
    with database.unit_of_work(is_read_only=True) as uow:
        total = uow.movies.list(MovieQuery(limit=1, counts_total=True)).total or 0
        there = sum(
            len(uow.movies.find_many_by_imdb_id(ids[start : start + 500]))
            for start in range(0, wishes, 500)
        )
        states = Counter(uow.fetches.counts())
    return Soak(wishes=wishes, films=there, states=states, doubled=total - there)


@contextmanager
def _progress(total: int) -> Iterator[Callable[[int], None]]:
    """Give what shows how many are done, on a terminal."""
    bar = Progress(
        TextColumn("Fetched"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=Console(stderr=True),
        disable=not sys.stderr.isatty(),
    )
    with bar:
        task = bar.add_task("", total=total)
        yield lambda done: bar.update(task, completed=done)


def main() -> None:
    """Soak the databases that are named, else a new SQLite file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--wishes", type=int, default=1_000)
    parser.add_argument("--workers", type=int, default=3)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--database", action="append", default=[], help="URL of an empty one")
    arguments = parser.parse_args()
    plan = SoakPlan(wishes=arguments.wishes, workers=arguments.workers, seed=arguments.seed)
    with tempfile.TemporaryDirectory() as folder:
        is_clean = True
        for url in arguments.database or [f"sqlite:///{folder}/movies.db"]:
            with closing(Database(url)) as database:
                database.migrate()
                found = soak(database, plan)
            kind = url.partition(":")[0]
            print(
                f"{kind}: {found.wishes} wishes, {found.films} films, {found.doubled} doubled,"
                f" {found.kills} workers killed, {found.seconds:.0f} s"
            )
            is_clean = is_clean and found.is_clean
    sys.exit(not is_clean)


if __name__ == "__main__":
    main()
