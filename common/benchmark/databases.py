"""Benchmark of the service on a given database, against the textbook app on the same one."""

import json
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from common.benchmark.commands import run_command
from common.benchmark.comparison import Comparison
from common.benchmark.datasets import generate_catalogue
from common.benchmark.load import LoadGenerator, Tool
from common.benchmark.measurement import Measurement, compare
from common.benchmark.processors import split_processors
from common.benchmark.results import CACHED, TEXTBOOK, UNCACHED
from common.benchmark.servers import Server
from common.benchmark.targets import TargetFactory
from common.benchmark.workload import Read, Workload
from common.cli.progress import ProgressBar

ONE, ONE_WITH_ROOM, TWO = (
    "1 process, with the load on 1 processor",
    "1 process, with the load on 2 processors",
    "2 processes, with the load on 2 processors",
)
"""Setups that serve cached responses. In the first and the last, each processor has one server
process and generates the same share of the load."""

_FIRST_PAGE = "/movies"


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabasePlan:
    """Parameters of the benchmark.

    The database is empty at first; the movies stay in it.
    """

    database_url: str
    movies: int = 100_000
    rounds: int = 5
    seconds: float = 2
    tool: Tool


@dataclass(frozen=True, slots=True)
class DatabaseResults:
    """Results of the benchmark.

    Args:
        copy_seconds: Time to copy the movies from SQLite, including the final verification.
        apart: Pages of one process on its own processor, by target.
        together: Cached pages of processes that share their processors with the load generator.
    """

    kind: str
    movies: int
    copy_seconds: float
    apart: dict[str, Measurement]
    together: dict[str, Measurement]

    def find(self) -> Iterator[Comparison]:
        """Yield the measured figures that have targets."""
        ours, theirs = (
            self.apart[name].requests_per_second.median for name in (UNCACHED, TEXTBOOK)
        )
        name = f"uncached page on {self.kind}, against {TEXTBOOK}"
        yield Comparison(name, ours / theirs, "x", 4, is_at_least=True)
        one, two = (self.together[name].requests_per_second.median for name in (ONE, TWO))
        name = "cached page of 2 processes on 2 processors, against 1 on 1"
        yield Comparison(name, two / one, "x", 1.6, is_at_least=True)
        name = f"movies copied a second, from SQLite to {self.kind}"
        yield Comparison(name, self.movies / self.copy_seconds, "", 5_000, is_at_least=True)


def measure_database(plan: DatabasePlan, folder: Path, progress: ProgressBar) -> DatabaseResults:
    """Copy movies to the database, and measure requests for pages of them."""
    progress.stage(f"Storing {plan.movies:,} movies")
    generate_catalogue(folder / "movies.db", plan.movies)
    progress.stage(f"Copying {plan.movies:,} movies")
    urls = ("--from", f"sqlite:///{folder / 'movies.db'}", "--to", plan.database_url)
    copied = json.loads(
        run_command([sys.executable, "-m", "movies_service", "copy", *urls, "--json"])
    )
    progress.update(0, 5 * plan.rounds)
    progress.stage("Comparing")
    return DatabaseResults(
        plan.database_url.partition(":")[0],
        plan.movies,
        copied["seconds"],
        _measure_apart(plan, folder, progress),
        _measure_together(plan, folder, progress),
    )


def _measure_apart(
    plan: DatabasePlan, folder: Path, progress: ProgressBar
) -> dict[str, Measurement]:
    server_processors, load_processors = split_processors()
    targets = TargetFactory(folder, server_processors)
    with ExitStack() as stack:
        servers = {
            UNCACHED: stack.enter_context(targets.service(plan.database_url, "off")),
            TEXTBOOK: stack.enter_context(targets.textbook(plan.database_url)),
        }
        workloads = [_workload(name, plan, server) for name, server in servers.items()]
        generator = LoadGenerator(plan.tool, load_processors)
        return dict(zip(servers, _compare(workloads, generator, plan, progress), strict=True))


def _measure_together(
    plan: DatabasePlan, folder: Path, progress: ProgressBar
) -> dict[str, Measurement]:
    server_processors, load_processors = split_processors()
    both = server_processors and load_processors and server_processors | load_processors
    places = {ONE: (1, server_processors), ONE_WITH_ROOM: (1, both), TWO: (2, both)}
    with ExitStack() as stack:
        workloads = []
        for processes, processors in places.values():
            targets = TargetFactory(folder, processors)
            server = targets.service(plan.database_url, "on", processes=processes)
            workload = _workload(CACHED, plan, stack.enter_context(server))
            workloads.append(replace(workload, generator=LoadGenerator(plan.tool, processors)))
        generator = LoadGenerator(plan.tool, both)
        return dict(zip(places, _compare(workloads, generator, plan, progress), strict=True))


def _workload(target: str, plan: DatabasePlan, server: Server) -> Workload:
    return Workload(target, plan.movies, Read.FIRST_PAGE, server, [_FIRST_PAGE])


def _compare(
    workloads: list[Workload], generator: LoadGenerator, plan: DatabasePlan, progress: ProgressBar
) -> list[Measurement]:
    return compare(
        workloads,
        generator,
        rounds=plan.rounds,
        seconds=plan.seconds,
        advance=progress.advance,
    )
