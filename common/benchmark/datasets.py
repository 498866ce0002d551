"""Catalogues of several sizes, with generated movies."""

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from common.benchmark.commands import run_command


@dataclass(frozen=True, slots=True)
class GenerationTimes:
    """Times to generate a catalogue."""

    movies: int
    has_relations: bool
    """Whether the movies have people, genres and ratings."""
    generating_seconds: float
    storing_seconds: float

    @property
    def movies_per_second(self) -> float:
        """Stored movies per second, without the time to generate them."""
        return self.movies / self.storing_seconds


def generate_catalogue(file: Path, movies: int, *, has_relations: bool = True) -> GenerationTimes:
    """Create a catalogue of generated movies in a SQLite file."""
    command = [
        sys.executable,
        "-m",
        "data_fetcher",
        "generate-movies",
        "--movies",
        str(movies),
        "--json",
    ]
    options: Sequence[str] = () if has_relations else ("--without-relations",)
    report = json.loads(run_command([*command, *options], {"DATABASE_URL": f"sqlite:///{file}"}))
    return GenerationTimes(
        movies, has_relations, report["generating_seconds"], report["storing_seconds"]
    )
