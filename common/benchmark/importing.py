"""How long IMDb's data sets take to become a catalogue that serves, and what memory that takes."""

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from common.benchmark.commands import Cost, run_command, run_measured
from common.benchmark.comparison import Finding
from common.benchmark.experiment import Observer

_MEBIBYTE = 2**20


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportingPlan:
    """What is measured: files of this size, which are made up."""

    titles: int = 1_000_000
    names: int = 500_000
    principals: int = 3_000_000


@dataclass(frozen=True, slots=True)
class ImportingResults:
    """What was measured, in one run, one after the other.

    Args:
        ours: `import-imdb`: documents, relations and all indexes of the service.
        other: imdb-sqlite: tables as the files have them, and its indexes.
    """

    ours: Cost
    other: Cost

    def find(self) -> Iterator[Finding]:
        """Yield the figures that the project aims at."""
        ratio = self.ours.seconds / self.other.seconds
        yield Finding("import-imdb in times of imdb-sqlite", ratio, "x", 1, is_at_least=False)
        memory = self.ours.peak_bytes / _MEBIBYTE
        yield Finding("memory of import-imdb", memory, "MiB", 300, is_at_least=False)


def measure_importing(plan: ImportingPlan, folder: Path, observer: Observer) -> ImportingResults:
    """Import files with both.

    Args:
        plan: what.
        folder: an empty one, for files and databases.
        observer: is told how far it is.

    Raises:
        BenchmarkFailed: a command does not run.
    """
    files = folder / "imdb"
    observer.stage(f"Making up {plan.titles:,} titles")
    sizes = {"titles": plan.titles, "names": plan.names, "principals": plan.principals}
    options = [word for name, size in sizes.items() for word in (f"--{name}", str(size))]
    run_command(
        [sys.executable, "-m", "data_fetcher.cli.generate_imdb_files", str(files), *options]
    )
    observer.stage("Importing with imdb-sqlite")
    other = [sys.executable, "-m", "imdb_sqlite", "--cache-dir", str(files)]
    other += ["--db", str(folder / "other.db"), "--only", "titles,people,crew,ratings"]
    other_cost = run_measured(other)
    observer.stage("Importing with import-imdb")
    ours = [sys.executable, "-m", "data_fetcher", "import-imdb", str(files), "--adult"]
    ours_cost = run_measured(ours, {"DATABASE_URL": f"sqlite:///{folder / 'ours.db'}"})
    return ImportingResults(ours_cost, other_cost)
