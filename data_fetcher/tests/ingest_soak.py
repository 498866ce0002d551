"""Soak test that repeatedly kills workers while they ingest: `make soak-ingest`.

Usage: python -m data_fetcher.tests.ingest_soak [--objects N] [--invalid N] [--kills N]
    [--database URL]
"""

import argparse
import json
import os
import random
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from data_layer.database import Database
from data_layer.entities.ingest import IngestState
from data_layer.entities.movie_query import MovieQuery

ROOT = Path(__file__).parents[2]
WORKERS = 2
PROGRESS_SECONDS = 5
"""Maximum time to wait until the workers have ingested an object."""


@dataclass(frozen=True)
class IngestSoakPlan:
    """Number of objects and of worker kills."""

    objects: int = 390
    invalid: int = 20
    kills: int = 25
    seed: int = 7


@dataclass(frozen=True)
class IngestSoak:
    """Result of a soak test.

    Args:
        plan: Of the test.
        movies: Number of movies in the catalogue.
        states: Number of ingest records by state.
        remaining: Keys of the files in the folder, without the digits of their versions.
        invalid: Names of the invalid objects.
        kills: Number of workers that were killed.
    """

    plan: IngestSoakPlan
    movies: int
    states: Counter[IngestState]
    remaining: list[str]
    invalid: frozenset[str]
    kills: int

    @property
    def is_clean(self) -> bool:
        """Whether each valid object was applied once, and each other one was quarantined."""
        valid = self.plan.objects - self.plan.invalid
        quarantined = [
            f"rejected/{name}{end}" for name in self.invalid for end in ("", ".report.json")
        ]
        expected = {IngestState.APPLIED: valid, IngestState.REJECTED: self.plan.invalid}
        return (self.movies, self.states, self.remaining) == (valid, expected, sorted(quarantined))


def plain(key: str) -> str:
    """Return a key without the digits of its version."""
    return re.sub(r"\.[0-9a-f]{8}(?=\.)", "", key)


def files_in(folder: Path) -> list[str]:
    """Return the keys of all JSON files in a folder, sorted, without their versions."""
    return sorted(plain(str(path.relative_to(folder))) for path in folder.rglob("*.json"))


def ingest_command(*arguments: str) -> list[str]:
    """Return the command line of `ingest`."""
    return [sys.executable, "-m", "data_fetcher", "ingest", *arguments]


def ingest_environment(database: Database, **more: str) -> dict[str, str]:
    """Return the environment of a command on a database."""
    url = database.engines.writing.url
    plain_url = url.set(drivername=url.get_backend_name()).render_as_string(hide_password=False)
    return {**os.environ, "DATABASE_URL": plain_url, "COLUMNS": "200", **more}


def soak_ingest(database: Database, folder: Path, plan: IngestSoakPlan) -> IngestSoak:
    """Write objects, kill pairs of workers that ingest them, then ingest the rest."""
    generator = random.Random(plan.seed)  # noqa: S311 - Not a secret.
    names = [f"{number:04}.json" for number in range(plan.objects)]
    invalid = frozenset(generator.sample(names, plan.invalid))
    for number, name in enumerate(names):
        movie = {"title": f"Movie {name}", "imdb_id": f"tt{1_000_000 + number}"}
        (folder / name).write_text(json.dumps(5 if name in invalid else movie))
    source = f"dir:{folder}"
    settings = ingest_environment(
        database, MOVIES_INGEST_POLL_SECONDS="1", MOVIES_INGEST_BATCH_OBJECTS="2"
    )
    kills = 0
    while kills < plan.kills:
        workers = [
            subprocess.Popen(
                ingest_command("--source", source),
                cwd=ROOT,
                env=settings,
                stderr=subprocess.DEVNULL,
            )
            for _ in range(WORKERS)
        ]
        _wait_for_progress(folder)
        time.sleep(generator.uniform(0, 0.1))
        for worker in workers:
            assert worker.poll() is None, "A worker ended before it was killed."
            worker.kill()
            worker.wait()
            kills += 1
    final = ingest_command("--source", source, "--once", "--json")
    subprocess.run(final, cwd=ROOT, env=settings, capture_output=True, check=False)
    with database.unit_of_work(is_read_only=True) as uow:
        movies = uow.movies.list(MovieQuery(limit=1, counts_total=True)).total or 0
        states = Counter(uow.ingests.counts())
    return IngestSoak(plan, movies, states, files_in(folder), invalid, kills)


def _wait_for_progress(folder: Path) -> None:
    """Wait until an object has been ingested, unless none remains."""
    pending = set(folder.glob("*.json"))
    end = time.monotonic() + PROGRESS_SECONDS
    while pending and set(folder.glob("*.json")) == pending and time.monotonic() < end:
        time.sleep(0.005)


def main() -> None:
    """Run the test on the given databases, by default on a new SQLite file."""
    parser = argparse.ArgumentParser(description=__doc__)
    plan = IngestSoakPlan()
    parser.add_argument("--objects", type=int, default=plan.objects)
    parser.add_argument("--invalid", type=int, default=plan.invalid)
    parser.add_argument("--kills", type=int, default=plan.kills)
    parser.add_argument("--database", action="append", default=[], help="URL of an empty database")
    arguments = parser.parse_args()
    plan = IngestSoakPlan(arguments.objects, arguments.invalid, arguments.kills)
    with tempfile.TemporaryDirectory() as temporary:
        is_clean = True
        for number, url in enumerate(arguments.database or [f"sqlite:///{temporary}/movies.db"]):
            folder = Path(temporary) / f"drop-{number}"
            folder.mkdir()
            with closing(Database(url)) as database:
                database.migrate()
                result = soak_ingest(database, folder, plan)
            states = ", ".join(f"{state.value} {count}" for state, count in result.states.items())
            print(
                f"{url.partition(':')[0]}: {plan.objects} objects, {result.kills} workers killed,"
                f" {result.movies} movies; objects {states}; "
                f"{'clean' if result.is_clean else f'NOT CLEAN: {result.remaining}'}"
            )
            is_clean = is_clean and result.is_clean
    sys.exit(not is_clean)


if __name__ == "__main__":
    main()
