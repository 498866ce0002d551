"""How fast updates of films are taken in: each in an object of its own, and many in one."""

import json
import random
import statistics
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from common.benchmark.commands import BenchmarkFailed, run_command
from common.benchmark.comparison import Finding
from common.benchmark.experiment import Observer

_FIRST_ID = 7_000_001
_PEOPLE = 20_000
_YEARS = 1930, 2026
_GENRES = ("Action", "Comedy", "Crime", "Drama", "Horror", "Romance", "Thriller")
_CAST, _GENRES_OF_ONE = 4, 2


@dataclass(frozen=True, slots=True, kw_only=True)
class IngestingPlan:
    """What is measured.

    Args:
        database_url: an empty database, which keeps the films; `None` for SQLite files.
        objects: how many with one film each, in each round.
        lines: how many films one object has, in each round.
        rounds: how often.
    """

    database_url: str | None
    objects: int = 5_000
    lines: int = 50_000
    rounds: int = 3


@dataclass(frozen=True, slots=True)
class IngestingResults:
    """What was measured: films a second, of each round.

    Args:
        kind: of the database, as its URL begins.
        from_objects: with one film in each object.
        from_lines: with all films in one.
    """

    kind: str
    from_objects: tuple[float, ...]
    from_lines: tuple[float, ...]

    def find(self) -> Iterator[Finding]:
        """Yield the figures that the project aims at."""
        share = 1 if self.kind == "sqlite" else 0.5
        for name, measured, target in (
            (f"objects of one film a second, {self.kind}", self.from_objects, 2_000),
            (f"films of NDJSON a second, {self.kind}", self.from_lines, 20_000),
        ):
            yield Finding(name, statistics.median(measured), "", target * share, is_at_least=True)


def measure_ingesting(plan: IngestingPlan, folder: Path, observer: Observer) -> IngestingResults:
    """Ingest films from a folder.

    Args:
        plan: what.
        folder: an empty one, for databases and objects.
        observer: is told how far it is.

    Raises:
        BenchmarkFailed: a command does not run, or films were there before.
    """
    from_objects, from_lines = [], []
    for number in range(plan.rounds):
        observer.stage(f"Ingesting, round {number + 1} of {plan.rounds}")
        url = plan.database_url or f"sqlite:///{folder / f'ingested-{number}.db'}"
        films = _films(plan.objects + plan.lines, number)
        from_objects.append(_ingest(url, folder / f"objects-{number}", films[: plan.objects], 1))
        lines = films[plan.objects :]
        from_lines.append(_ingest(url, folder / f"lines-{number}", lines, len(lines)))
    kind = (plan.database_url or "sqlite").partition(":")[0]
    return IngestingResults(kind, tuple(from_objects), tuple(from_lines))


def _ingest(url: str, drop: Path, films: Sequence[str], at_once: int) -> float:
    """Return how many films a second a command stores, the start of Python left out."""
    drop.mkdir()
    for start in range(0, len(films), at_once):
        (drop / f"{start:08}.ndjson").write_text("\n".join(films[start : start + at_once]))
    command = [sys.executable, "-m", "data_fetcher", "ingest", "--once", "--json"]
    command += ["--source", f"dir:{drop}"]
    report = json.loads(run_command(command, {"DATABASE_URL": url}))
    if report["updates"]["added"] != len(films):
        raise BenchmarkFailed("Not all films were new: the database was not empty.")
    return len(films) / float(report["seconds"])


def _films(count: int, number: int) -> list[str]:
    """Return films that nobody has made, as lines of JSON; each round has others."""
    chosen = random.Random(number)  # noqa: S311 - No secret is made of it.
    first = _FIRST_ID + count * number
    people = [f"Person Number {each}" for each in range(_PEOPLE)]
    return [
        json.dumps(
            {
                "imdb_id": f"tt{each}",
                "title": f"Film {chosen.randrange(count)} of {each}",
                "year": chosen.randrange(*_YEARS),
                "cast": chosen.sample(people, _CAST),
                "genres": chosen.sample(_GENRES, _GENRES_OF_ONE),
            }
        )
        for each in range(first, first + count)
    ]
