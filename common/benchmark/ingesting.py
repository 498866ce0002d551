"""Benchmark of ingesting movies: one per object, and many in one object."""

import json
import random
import statistics
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from common.benchmark.commands import BenchmarkFailed, run_command
from common.benchmark.comparison import Comparison
from common.cli.progress import ProgressBar

_FIRST_ID = 7_000_001
_PEOPLE = 20_000
_YEARS = 1930, 2026
_GENRES = ("Action", "Comedy", "Crime", "Drama", "Horror", "Romance", "Thriller")
_CAST_PER_MOVIE, _GENRES_PER_MOVIE = 4, 2


@dataclass(frozen=True, slots=True, kw_only=True)
class IngestingPlan:
    """Parameters of the benchmark.

    Args:
        database_url: URL of an empty database, in which the movies stay; `None` for SQLite files.
        objects: Number of objects with one movie each, in each round.
        lines: Number of movies in the single large object of each round.
    """

    database_url: str | None
    objects: int = 5_000
    lines: int = 50_000
    rounds: int = 3


@dataclass(frozen=True, slots=True)
class IngestingResults:
    """Results of the benchmark: ingested movies per second in each round.

    Args:
        from_objects: Rates with one movie in each object.
        from_lines: Rates with all movies in one object.
    """

    kind: str
    from_objects: tuple[float, ...]
    from_lines: tuple[float, ...]

    def find(self) -> Iterator[Comparison]:
        """Yield the measured figures that have targets; servers have half the targets of SQLite."""
        share = 1 if self.kind == "sqlite" else 0.5
        for name, measured, target in (
            (f"objects of one movie a second, {self.kind}", self.from_objects, 2_000),
            (f"movies of NDJSON a second, {self.kind}", self.from_lines, 20_000),
        ):
            yield Comparison(
                name, statistics.median(measured), "", target * share, is_at_least=True
            )


def measure_ingesting(plan: IngestingPlan, folder: Path, progress: ProgressBar) -> IngestingResults:
    """Measure the ingestion of movies from a folder."""
    from_objects, from_lines = [], []
    for number in range(plan.rounds):
        progress.stage(f"Ingesting, round {number + 1} of {plan.rounds}")
        url = plan.database_url or f"sqlite:///{folder / f'ingested-{number}.db'}"
        movies = _movies(plan.objects + plan.lines, number)
        from_objects.append(_ingest(url, folder / f"objects-{number}", movies[: plan.objects], 1))
        lines = movies[plan.objects :]
        from_lines.append(_ingest(url, folder / f"lines-{number}", lines, len(lines)))
    kind = (plan.database_url or "sqlite").partition(":")[0]
    return IngestingResults(kind, tuple(from_objects), tuple(from_lines))


def _ingest(url: str, drop: Path, movies: Sequence[str], per_object: int) -> float:
    """Return the movies that a command stores per second, without the start of Python."""
    drop.mkdir()
    for start in range(0, len(movies), per_object):
        (drop / f"{start:08}.ndjson").write_text("\n".join(movies[start : start + per_object]))
    command = [sys.executable, "-m", "data_fetcher", "ingest", "--once", "--json"]
    command += ["--source", f"dir:{drop}"]
    report = json.loads(run_command(command, {"DATABASE_URL": url}))
    if report["updates"]["added"] != len(movies):
        raise BenchmarkFailed(
            "Some movies were stored before: the database was not empty. Pass an empty one."
        )
    return len(movies) / float(report["seconds"])


def _movies(count: int, number: int) -> list[str]:
    """Return generated movies as lines of JSON, different ones for each round."""
    generator = random.Random(number)  # noqa: S311 - Not used for secrets.
    first = _FIRST_ID + count * number
    people = [f"Person Number {each}" for each in range(_PEOPLE)]
    return [
        json.dumps(
            {
                "imdb_id": f"tt{each}",
                "title": f"Movie {generator.randrange(count)} of {each}",
                "year": generator.randrange(*_YEARS),
                "cast": generator.sample(people, _CAST_PER_MOVIE),
                "genres": generator.sample(_GENRES, _GENRES_PER_MOVIE),
            }
        )
        for each in range(first, first + count)
    ]
