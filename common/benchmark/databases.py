"""The service on a database that somebody names, against the textbook app on the same one."""

import json
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from common.benchmark.commands import run_command
from common.benchmark.comparison import Finding
from common.benchmark.datasets import fill
from common.benchmark.experiment import Observer
from common.benchmark.load import LoadGenerator, Tool
from common.benchmark.measurement import Cell, Question, compare
from common.benchmark.processors import split_processors
from common.benchmark.results import CACHED, TEXTBOOK, UNCACHED
from common.benchmark.servers import Server
from common.benchmark.targets import Arena
from common.benchmark.workload import Read

ONE, ONE_WITH_ROOM, TWO = (
    "1 process, with the load on 1 processor",
    "1 process, with the load on 2 processors",
    "2 processes, with the load on 2 processors",
)
"""What answers from the cache, and where. Each processor has as much of the load to make in the
first case as in the last."""

_CONNECTIONS = 32
_FIRST_PAGE = "/movies"


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabasePlan:
    """What is measured.

    Args:
        database_url: an empty database; it keeps the films.
        films: how many are copied into it.
        rounds: how often each question is asked.
        seconds: how long, each time.
        tool: what makes the load.
    """

    database_url: str
    films: int = 100_000
    rounds: int = 5
    seconds: float = 2
    tool: Tool


@dataclass(frozen=True, slots=True)
class DatabaseResults:
    """What was measured.

    Args:
        kind: of the database, as its URL begins.
        films: how many there were.
        copy_seconds: that copying them from SQLite took, the comparison at the end included.
        apart: the pages of one process on a processor of its own, by contender.
        together: the cached pages of processes that share their processors with the load.
    """

    kind: str
    films: int
    copy_seconds: float
    apart: dict[str, Cell]
    together: dict[str, Cell]

    def find(self) -> Iterator[Finding]:
        """Yield the figures that the project aims at."""
        ours, theirs = (
            self.apart[name].requests_per_second.median for name in (UNCACHED, TEXTBOOK)
        )
        name = f"uncached page on {self.kind}, against {TEXTBOOK}"
        yield Finding(name, ours / theirs, "x", 4, is_at_least=True)
        one, two = (self.together[name].requests_per_second.median for name in (ONE, TWO))
        name = "cached page of 2 processes on 2 processors, against 1 on 1"
        yield Finding(name, two / one, "x", 1.6, is_at_least=True)
        name = f"films copied a second, from SQLite to {self.kind}"
        yield Finding(name, self.films / self.copy_seconds, "", 5_000, is_at_least=True)


def measure_database(plan: DatabasePlan, folder: Path, observer: Observer) -> DatabaseResults:
    """Copy films into the database, and ask for pages of them.

    Args:
        plan: what.
        folder: an empty one, for the films before they are copied, and logs.
        observer: is told how far it is.

    Raises:
        BenchmarkFailed: a server or a command does not run.
        RequestException: a server does not answer what it has to.
    """
    observer.stage(f"Storing {plan.films:,} films")
    fill(folder / "films.db", plan.films)
    observer.stage(f"Copying {plan.films:,} films")
    urls = ("--from", f"sqlite:///{folder / 'films.db'}", "--to", plan.database_url)
    copied = json.loads(
        run_command([sys.executable, "-m", "movies_service", "copy", *urls, "--json"])
    )
    observer.begin_rounds(5 * plan.rounds)
    return DatabaseResults(
        plan.database_url.partition(":")[0],
        plan.films,
        copied["seconds"],
        _ask_apart(plan, folder, observer),
        _ask_together(plan, folder, observer),
    )


def _ask_apart(plan: DatabasePlan, folder: Path, observer: Observer) -> dict[str, Cell]:
    server_processors, load_processors = split_processors()
    arena = Arena(folder, server_processors)
    with ExitStack() as stack:
        servers = {
            UNCACHED: stack.enter_context(arena.service(plan.database_url, "off")),
            TEXTBOOK: stack.enter_context(arena.textbook(plan.database_url)),
        }
        questions = [_question(name, plan, server) for name, server in servers.items()]
        generator = LoadGenerator(plan.tool, load_processors)
        return dict(zip(servers, _compare(questions, generator, plan, observer), strict=True))


def _ask_together(plan: DatabasePlan, folder: Path, observer: Observer) -> dict[str, Cell]:
    server_processors, load_processors = split_processors()
    both = server_processors and load_processors and server_processors | load_processors
    places = {ONE: (1, server_processors), ONE_WITH_ROOM: (1, both), TWO: (2, both)}
    with ExitStack() as stack:
        questions = []
        for processes, processors in places.values():
            arena = Arena(folder, processors)
            server = arena.service(plan.database_url, "on", processes=processes)
            asked = _question(CACHED, plan, stack.enter_context(server))
            questions.append(replace(asked, generator=LoadGenerator(plan.tool, processors)))
        generator = LoadGenerator(plan.tool, both)
        return dict(zip(places, _compare(questions, generator, plan, observer), strict=True))


def _question(contender: str, plan: DatabasePlan, server: Server) -> Question:
    return Question(
        contender=contender,
        films=plan.films,
        read=Read.FIRST_PAGE,
        server=server,
        paths=[_FIRST_PAGE],
        connections=_CONNECTIONS,
    )


def _compare(
    questions: list[Question], generator: LoadGenerator, plan: DatabasePlan, observer: Observer
) -> list[Cell]:
    return compare(
        questions,
        generator,
        rounds=plan.rounds,
        seconds=plan.seconds,
        advance=observer.advance,
    )
