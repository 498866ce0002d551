"""Catalogues of several sizes to measure on, filled with films made up."""

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from common.benchmark.commands import run_command


@dataclass(frozen=True, slots=True)
class Filling:
    """How long it took to fill a catalogue."""

    films: int
    has_links: bool
    """Whether the films have people, genres and ratings."""
    making_seconds: float
    """Making the films up."""
    storing_seconds: float

    @property
    def films_per_second(self) -> float:
        """How fast they were stored."""
        return self.films / self.storing_seconds


def fill(file: Path, films: int, *, has_links: bool = True) -> Filling:
    """Make a catalogue.

    Raises:
        BenchmarkFailed: it could not be made.
    """
    command = [
        sys.executable,
        "-m",
        "data_fetcher.cli.generate_movies",
        "--films",
        str(films),
        "--json",
    ]
    links: Sequence[str] = () if has_links else ("--no-links",)
    report = json.loads(run_command([*command, *links], {"DATABASE_URL": f"sqlite:///{file}"}))
    return Filling(films, has_links, report["making_seconds"], report["storing_seconds"])
