"""Workers that are killed again and again while they ingest: `make soak-ingest`.

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
"""How long is waited for workers to begin."""


@dataclass(frozen=True)
class IngestSoakPlan:
    """What is dropped, and how often a worker is killed."""

    objects: int = 390
    invalid: int = 20
    kills: int = 25
    seed: int = 7


@dataclass(frozen=True)
class IngestSoak:
    """What has become of the objects.

    Args:
        plan: of the soak.
        films: in the catalogue.
        states: of the objects that are known.
        left: what is in the folder, without the digits of versions.
        bad: the names of what can't be used.
        kills: how many workers were killed while they worked.
    """

    plan: IngestSoakPlan
    films: int
    states: Counter[IngestState]
    left: list[str]
    bad: frozenset[str]
    kills: int

    @property
    def is_clean(self) -> bool:
        """Whether all that is valid was applied, once, and all else was put aside."""
        valid = self.plan.objects - self.plan.invalid
        aside = [f"rejected/{name}{end}" for name in self.bad for end in ("", ".report.json")]
        expected = {IngestState.APPLIED: valid, IngestState.REJECTED: self.plan.invalid}
        return (self.films, self.states, self.left) == (valid, expected, sorted(aside))


def plain(key: str) -> str:
    """Return a key without the digits that tell its version."""
    return re.sub(r"\.[0-9a-f]{8}(?=\.)", "", key)


def left_in(folder: Path) -> list[str]:
    """Return all files of a folder."""
    return sorted(plain(str(path.relative_to(folder))) for path in folder.rglob("*.json"))


def ingest_command(*arguments: str) -> list[str]:
    """Return the command line of `ingest`."""
    return [sys.executable, "-m", "data_fetcher", "ingest", *arguments]


def ingest_environment(database: Database, **more: str) -> dict[str, str]:
    """Return the environment that leads it to a database."""
    url = database.engines.writing.url
    shown = url.set(drivername=url.get_backend_name()).render_as_string(hide_password=False)
    return {**os.environ, "DATABASE_URL": shown, "COLUMNS": "200", **more}


def soak_ingest(database: Database, folder: Path, plan: IngestSoakPlan) -> IngestSoak:
    """Drop objects, kill pairs of workers that take them in, and let one of them end."""
    dice = random.Random(plan.seed)  # noqa: S311 - No secret depends on it.
    names = [f"{number:04}.json" for number in range(plan.objects)]
    bad = frozenset(dice.sample(names, plan.invalid))
    for number, name in enumerate(names):
        film = {"title": f"Film {name}", "imdb_id": f"tt{1_000_000 + number}"}
        (folder / name).write_text(json.dumps(5 if name in bad else film))
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
        time.sleep(dice.uniform(0, 0.1))
        for worker in workers:
            assert worker.poll() is None, "A worker has ended by itself."
            worker.kill()
            worker.wait()
            kills += 1
    last = ingest_command("--source", source, "--once", "--json")
    subprocess.run(last, cwd=ROOT, env=settings, capture_output=True, check=False)
    with database.unit_of_work(is_read_only=True) as uow:
        films = uow.movies.list(MovieQuery(limit=1, counts_total=True)).total or 0
        states = Counter(uow.ingests.counts())
    return IngestSoak(plan, films, states, left_in(folder), bad, kills)


def _wait_for_progress(folder: Path) -> None:
    """Wait until something has been taken in, if there is anything left."""
    waiting = set(folder.glob("*.json"))
    end = time.monotonic() + PROGRESS_SECONDS
    while waiting and set(folder.glob("*.json")) == waiting and time.monotonic() < end:
        time.sleep(0.005)


def main() -> None:
    """Soak the databases that are named, else a new SQLite file."""
    parser = argparse.ArgumentParser(description=__doc__)
    plan = IngestSoakPlan()
    parser.add_argument("--objects", type=int, default=plan.objects)
    parser.add_argument("--invalid", type=int, default=plan.invalid)
    parser.add_argument("--kills", type=int, default=plan.kills)
    parser.add_argument("--database", action="append", default=[], help="URL of an empty one")
    arguments = parser.parse_args()
    plan = IngestSoakPlan(arguments.objects, arguments.invalid, arguments.kills)
    with tempfile.TemporaryDirectory() as place:
        is_clean = True
        for number, url in enumerate(arguments.database or [f"sqlite:///{place}/movies.db"]):
            folder = Path(place) / f"drop-{number}"
            folder.mkdir()
            with closing(Database(url)) as database:
                database.migrate()
                found = soak_ingest(database, folder, plan)
            states = ", ".join(f"{state.value} {count}" for state, count in found.states.items())
            print(
                f"{url.partition(':')[0]}: {plan.objects} objects, {found.kills} workers killed,"
                f" {found.films} films; objects {states}; "
                f"{'as it should be' if found.is_clean else f'NOT as it should be: {found.left}'}"
            )
            is_clean = is_clean and found.is_clean
    sys.exit(not is_clean)


if __name__ == "__main__":
    main()
