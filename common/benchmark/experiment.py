"""One run of the benchmark: catalogues, servers, rounds, and what came of them."""

import datetime as dt
import platform
import statistics
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Protocol

import psutil
import requests

from common.benchmark.datasets import Filling, fill
from common.benchmark.load import LoadGenerator
from common.benchmark.measurement import Question, compare
from common.benchmark.memory import Memory, measure_memory
from common.benchmark.paths import DATASETTE_PATHS, SERVICE_PATHS, TEXTBOOK_PATHS, PathOf
from common.benchmark.processors import split_processors
from common.benchmark.results import (
    CACHED,
    DATASETTE,
    NGINX,
    NOT_MODIFIED,
    RAW_ASGI,
    TEXTBOOK,
    UNCACHED,
    Latency,
    Plan,
    Results,
)
from common.benchmark.seeding import SeedingTimes, measure_seeding
from common.benchmark.servers import Server
from common.benchmark.targets import Arena, Recorded, is_nginx_installed, record
from common.benchmark.workload import Read, Sample, find_samples

_HOT_READS = (Read.FIRST_PAGE, Read.BY_ID)
_SINGLE_REQUESTS = 300


class Observer(Protocol):
    """Is told how far an experiment is."""

    def stage(self, about: str) -> None:
        """Something else begins."""
        ...

    def begin_rounds(self, steps: int) -> None:
        """The rounds begin; they have so many steps."""
        ...

    def advance(self, about: str) -> None:
        """A step of the rounds begins."""
        ...


@dataclass(frozen=True, slots=True)
class Experiment:
    """Measures a plan.

    Args:
        plan: what.
        folder: an empty one, for catalogues, configurations and logs.
        observer: is told how far it is.
    """

    plan: Plan
    folder: Path
    observer: Observer

    def run(self) -> Results:
        """Measure everything.

        Raises:
            BenchmarkFailed: a server or a command does not run.
            RequestException: a server does not answer what it has to.
        """
        started_at = dt.datetime.now(dt.UTC).isoformat(timespec="seconds")
        seeding = self._measure_seeding()
        fillings = self._fill()
        server_processors, load_processors = split_processors()
        with ExitStack() as stack:
            questions, missing = self._ask(stack, Arena(self.folder, server_processors))
            self.observer.begin_rounds(len(questions) * self.plan.rounds)
            cells = compare(
                questions,
                LoadGenerator(self.plan.tool, load_processors),
                rounds=self.plan.rounds,
                seconds=self.plan.seconds,
                advance=self.observer.advance,
            )
            single_client = self._ask_as_single_client(questions)
            memory = self._measure_memory(questions)
        return Results(
            started_at=started_at,
            machine=_describe_machine(pinned=server_processors is not None),
            versions={
                name: version(name) for name in ("fastapi", "uvicorn", "sqlalchemy", "datasette")
            },
            plan=self.plan,
            missing=missing,
            cells=tuple(cells),
            single_client=single_client,
            memory=memory,
            fillings=fillings,
            seeding=seeding,
        )

    def _measure_seeding(self) -> tuple[SeedingTimes, ...]:
        measured = []
        for at_once, rounds in ((25, 3), (1, 1)):
            self.observer.stage(f"Seeding 100 films, {at_once} requests at once")
            measured.append(measure_seeding(self.plan.seeding_latency_ms, at_once, rounds))
        return tuple(measured)

    def _fill(self) -> tuple[Filling, ...]:
        self.observer.stage(f"Storing {self.plan.bare_films:,} films without links")
        bare = self.folder / "bare.db"
        fillings = [fill(bare, self.plan.bare_films, has_links=False)]
        bare.unlink()
        for films in self.plan.sizes:
            self.observer.stage(f"Storing {films:,} films")
            catalogue = self._catalogue(films)
            catalogue.parent.mkdir()
            fillings.append(fill(catalogue, films))
        return tuple(fillings)

    def _catalogue(self, films: int) -> Path:
        return self.folder / str(films) / "catalogue.db"

    def _ask(self, stack: ExitStack, arena: Arena) -> tuple[list[Question], tuple[str, ...]]:
        questions: list[Question] = []
        answers: dict[int, dict[str, Recorded]] = {}
        for films in self.plan.sizes:
            catalogue = self._catalogue(films)
            self.observer.stage(f"Starting the servers of {films:,} films")
            url = f"sqlite:///{catalogue}"
            uncached = stack.enter_context(arena.service(url, "off"))
            cached = stack.enter_context(arena.service(url, "on"))
            samples = find_samples(uncached.url, films)
            for contender, server, paths in (
                (UNCACHED, uncached, SERVICE_PATHS),
                (TEXTBOOK, stack.enter_context(arena.textbook(url)), TEXTBOOK_PATHS),
                (DATASETTE, stack.enter_context(arena.datasette(catalogue)), DATASETTE_PATHS),
            ):
                questions += self._questions(contender, films, server, paths, samples)
            questions += self._hot_questions(CACHED, films, cached, samples)
            answers[films] = _record(cached, samples)
        reference = self.plan.reference_films
        questions += self._limits(stack, arena, answers[reference], reference)
        questions += self._static_limits(stack, arena, answers[reference], reference)
        missing = () if is_nginx_installed() else ("nginx: it is not installed",)
        return questions, missing

    def _questions(
        self,
        contender: str,
        films: int,
        server: Server,
        paths: Mapping[Read, PathOf],
        samples: Sequence[Sample],
    ) -> list[Question]:
        return [
            self._question(contender, films, read, server, list(dict.fromkeys(map(path, samples))))
            for read, path in paths.items()
        ]

    def _hot_questions(
        self, contender: str, films: int, server: Server, samples: Sequence[Sample]
    ) -> list[Question]:
        """Return the questions that the cache answers: the same ones again and again."""
        page, film = (SERVICE_PATHS[read](samples[0]) for read in _HOT_READS)
        etag = f"If-None-Match: {requests.get(server.url + page, timeout=60).headers['ETag']}"
        first = self._question(contender, films, Read.FIRST_PAGE, server, [page])
        return [
            first,
            self._question(contender, films, Read.BY_ID, server, [film]),
            replace(first, read=NOT_MODIFIED, headers=[etag]),
            replace(first, connections=1),
        ]

    def _limits(
        self, stack: ExitStack, arena: Arena, answers: Mapping[str, Recorded], films: int
    ) -> list[Question]:
        """Return the questions to servers that only repeat what the service has answered."""
        page, film, not_modified = answers
        etag = dict(answers[page].headers)["etag"]
        raw = stack.enter_context(arena.raw_asgi(answers))
        first = self._question(RAW_ASGI, films, Read.FIRST_PAGE, raw, [page])
        return [
            first,
            self._question(RAW_ASGI, films, Read.BY_ID, raw, [film]),
            replace(
                first, read=NOT_MODIFIED, paths=[not_modified], headers=[f"If-None-Match: {etag}"]
            ),
            replace(first, connections=1),
        ]

    def _static_limits(
        self, stack: ExitStack, arena: Arena, answers: Mapping[str, Recorded], films: int
    ) -> list[Question]:
        """Return the questions to a server of files, if there is one."""
        if not is_nginx_installed():
            return []
        page, film, _not_modified = answers
        files = {"/page.json": answers[page], "/film.json": answers[film]}
        nginx = stack.enter_context(arena.nginx(files))
        return [
            self._question(NGINX, films, Read.FIRST_PAGE, nginx, ["/page.json"]),
            self._question(NGINX, films, Read.BY_ID, nginx, ["/film.json"]),
        ]

    def _question(
        self, contender: str, films: int, read: str, server: Server, paths: Sequence[str]
    ) -> Question:
        return Question(
            contender=contender,
            films=films,
            read=read,
            server=server,
            paths=paths,
            connections=self.plan.connections,
        )

    def _ask_as_single_client(self, questions: Sequence[Question]) -> tuple[Latency, ...]:
        self.observer.stage("One client with requests")
        return tuple(
            _time_single_client(question)
            for question in questions
            if question.films == self.plan.reference_films
            and question.read == Read.FIRST_PAGE
            and question.connections == self.plan.connections
        )

    def _measure_memory(self, questions: Sequence[Question]) -> tuple[Memory, ...]:
        self.observer.stage("Memory")
        cached = {
            question.films: question.server
            for question in questions
            if question.contender == CACHED
        }
        smallest, *_, largest = [*self.plan.sizes, *self.plan.sizes]
        return (
            measure_memory(cached[smallest], smallest, fills_cache=False),
            measure_memory(cached[largest], largest, fills_cache=True),
        )


def _record(server: Server, samples: Sequence[Sample]) -> dict[str, Recorded]:
    """Return the first page, a film, and the 304 of the page, by a path for each."""
    page, film = (SERVICE_PATHS[read](samples[0]) for read in _HOT_READS)
    recorded = {path: record(server.url + path) for path in (page, film)}
    etag = dict(recorded[page].headers)["etag"]
    return {**recorded, "/not-modified": record(server.url + page, {"If-None-Match": etag})}


def _time_single_client(question: Question) -> Latency:
    url = question.server.url + question.paths[0]
    milliseconds = []
    with requests.Session() as session:
        for _ in range(_SINGLE_REQUESTS):
            started = time.perf_counter()
            session.get(url, timeout=60)
            milliseconds.append((time.perf_counter() - started) * 1000)
    points = statistics.quantiles(milliseconds, n=100, method="inclusive")
    return Latency(question.contender, points[49], points[98])


def _describe_machine(*, pinned: bool) -> dict[str, str]:
    return {
        "system": f"{platform.system()} {platform.machine()}",
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "processors": str(psutil.cpu_count()),
        "memory": f"{psutil.virtual_memory().total / 2**30:.0f} GiB",
        "pinning": "server and load on a processor each" if pinned else "none",
    }
