"""Benchmark of importing IMDb's data sets: time and memory until the catalogue is usable."""

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from common.benchmark.commands import Cost, run_command, run_measured
from common.benchmark.comparison import Comparison
from common.cli.progress import ProgressBar

_MEBIBYTE = 2**20


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportingPlan:
    """Parameters of the benchmark: rows of the generated files."""

    titles: int = 1_000_000
    names: int = 500_000
    principals: int = 3_000_000


@dataclass(frozen=True, slots=True)
class ImportingResults:
    """Results of the benchmark, measured one after the other.

    Args:
        ours: `import-imdb`, which stores documents, relations and all indexes of the service.
        other: imdb-sqlite, which stores the tables of the files, and its indexes.
    """

    ours: Cost
    other: Cost

    def find(self) -> Iterator[Comparison]:
        """Yield the measured figures that have targets."""
        ratio = self.ours.seconds / self.other.seconds
        yield Comparison("import-imdb in times of imdb-sqlite", ratio, "x", 1, is_at_least=False)
        memory = self.ours.peak_bytes / _MEBIBYTE
        yield Comparison("memory of import-imdb", memory, "MiB", 300, is_at_least=False)


def measure_importing(plan: ImportingPlan, folder: Path, progress: ProgressBar) -> ImportingResults:
    """Import the same generated files with `import-imdb` and with imdb-sqlite."""
    files = folder / "imdb"
    progress.stage(f"Generating {plan.titles:,} titles")
    sizes = {"titles": plan.titles, "names": plan.names, "principals": plan.principals}
    options = [word for name, size in sizes.items() for word in (f"--{name}", str(size))]
    run_command([sys.executable, "-m", "data_fetcher", "generate-imdb-files", str(files), *options])
    progress.stage("Importing with imdb-sqlite")
    other = [sys.executable, "-m", "imdb_sqlite", "--cache-dir", str(files)]
    other += ["--db", str(folder / "other.db"), "--only", "titles,people,crew,ratings"]
    other_cost = run_measured(other)
    progress.stage("Importing with import-imdb")
    ours = [sys.executable, "-m", "data_fetcher", "import-imdb", str(files), "--include-adult"]
    ours_cost = run_measured(ours, {"DATABASE_URL": f"sqlite:///{folder / 'ours.db'}"})
    return ImportingResults(ours_cost, other_cost)
