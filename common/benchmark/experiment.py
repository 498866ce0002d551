"""Run of the main benchmark: catalogues, servers, rounds and results."""

import datetime as dt
import platform
import statistics
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path

import psutil
import requests

from common.benchmark.datasets import GenerationTimes, generate_catalogue
from common.benchmark.load import LoadGenerator
from common.benchmark.measurement import compare
from common.benchmark.memory import Memory, measure_memory
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
from common.benchmark.targets import Recorded, TargetFactory, is_nginx_installed, record
from common.benchmark.workload import (
    DATASETTE_PATHS,
    SERVICE_PATHS,
    TEXTBOOK_PATHS,
    PathOf,
    Read,
    Sample,
    Workload,
    find_samples,
)
from common.cli.progress import ProgressBar

_HOT_READS = (Read.FIRST_PAGE, Read.BY_ID)
_SINGLE_REQUESTS = 300


@dataclass(frozen=True, slots=True)
class Experiment:
    """One run of a plan, in an empty folder."""

    plan: Plan
    folder: Path
    progress: ProgressBar

    def run(self) -> Results:
        """Run all measurements of the plan.

        Raises:
            BenchmarkFailed: A server or a command failed.
            RequestException: A request to a server failed.
        """
        started_at = dt.datetime.now(dt.UTC).isoformat(timespec="seconds")
        seeding = self._measure_seeding()
        generations = self._generate()
        server_processors, load_processors = split_processors()
        with ExitStack() as stack:
            targets = TargetFactory(self.folder, server_processors)
            workloads, missing = self._start_targets(stack, targets)
            self.progress.update(0, len(workloads) * self.plan.rounds)
            self.progress.stage("Comparing")
            measurements = compare(
                workloads,
                LoadGenerator(self.plan.tool, load_processors),
                rounds=self.plan.rounds,
                seconds=self.plan.seconds,
                advance=self.progress.advance,
            )
            single_client = self._measure_single_client(workloads)
            memory = self._measure_memory(workloads)
        return Results(
            started_at=started_at,
            machine=_describe_machine(pinned=server_processors is not None),
            versions={
                name: version(name) for name in ("fastapi", "uvicorn", "sqlalchemy", "datasette")
            },
            plan=self.plan,
            missing=missing,
            measurements=tuple(measurements),
            single_client=single_client,
            memory=memory,
            generations=generations,
            seeding=seeding,
        )

    def _measure_seeding(self) -> tuple[SeedingTimes, ...]:
        measured = []
        for concurrency, rounds in ((25, 3), (1, 1)):
            self.progress.stage(f"Seeding 100 movies, concurrency {concurrency}")
            measured.append(measure_seeding(self.plan.seeding_latency_ms, concurrency, rounds))
        return tuple(measured)

    def _generate(self) -> tuple[GenerationTimes, ...]:
        self.progress.stage(f"Storing {self.plan.bare_movies:,} movies without relations")
        bare = self.folder / "bare.db"
        generations = [generate_catalogue(bare, self.plan.bare_movies, has_relations=False)]
        bare.unlink()
        for movies in self.plan.sizes:
            self.progress.stage(f"Storing {movies:,} movies")
            catalogue = self._catalogue(movies)
            catalogue.parent.mkdir()
            generations.append(generate_catalogue(catalogue, movies))
        return tuple(generations)

    def _catalogue(self, movies: int) -> Path:
        return self.folder / str(movies) / "catalogue.db"

    def _start_targets(
        self, stack: ExitStack, targets: TargetFactory
    ) -> tuple[list[Workload], tuple[str, ...]]:
        """Start all targets, and return their workloads and the reasons for missing ones."""
        workloads: list[Workload] = []
        responses: dict[int, dict[str, Recorded]] = {}
        for movies in self.plan.sizes:
            catalogue = self._catalogue(movies)
            self.progress.stage(f"Starting the servers of {movies:,} movies")
            url = f"sqlite:///{catalogue}"
            uncached = stack.enter_context(targets.service(url, "off"))
            cached = stack.enter_context(targets.service(url, "on"))
            samples = find_samples(uncached.url, movies)
            for target, server, paths in (
                (UNCACHED, uncached, SERVICE_PATHS),
                (TEXTBOOK, stack.enter_context(targets.textbook(url)), TEXTBOOK_PATHS),
                (DATASETTE, stack.enter_context(targets.datasette(catalogue)), DATASETTE_PATHS),
            ):
                workloads += self._workloads(target, movies, server, paths, samples)
            workloads += self._hot_workloads(CACHED, movies, cached, samples)
            responses[movies] = _record(cached, samples)
        reference = self.plan.reference_movies
        workloads += self._limits(stack, targets, responses[reference], reference)
        workloads += self._static_limits(stack, targets, responses[reference], reference)
        missing = () if is_nginx_installed() else ("nginx is not installed",)
        return workloads, missing

    def _workloads(
        self,
        target: str,
        movies: int,
        server: Server,
        paths: Mapping[Read, PathOf],
        samples: Sequence[Sample],
    ) -> list[Workload]:
        return [
            self._workload(target, movies, read, server, list(dict.fromkeys(map(path, samples))))
            for read, path in paths.items()
        ]

    def _hot_workloads(
        self, target: str, movies: int, server: Server, samples: Sequence[Sample]
    ) -> list[Workload]:
        """Return workloads of repeated requests, which the cache serves."""
        page, movie = (SERVICE_PATHS[read](samples[0]) for read in _HOT_READS)
        etag = f"If-None-Match: {requests.get(server.url + page, timeout=60).headers['ETag']}"
        first = self._workload(target, movies, Read.FIRST_PAGE, server, [page])
        return [
            first,
            self._workload(target, movies, Read.BY_ID, server, [movie]),
            replace(first, read=NOT_MODIFIED, headers=[etag]),
            replace(first, connections=1),
        ]

    def _limits(
        self,
        stack: ExitStack,
        targets: TargetFactory,
        responses: Mapping[str, Recorded],
        movies: int,
    ) -> list[Workload]:
        """Return workloads of the raw ASGI app, which replays recorded responses."""
        page, movie, not_modified = responses
        etag = dict(responses[page].headers)["etag"]
        raw = stack.enter_context(targets.raw_asgi(responses))
        first = self._workload(RAW_ASGI, movies, Read.FIRST_PAGE, raw, [page])
        return [
            first,
            self._workload(RAW_ASGI, movies, Read.BY_ID, raw, [movie]),
            replace(
                first, read=NOT_MODIFIED, paths=[not_modified], headers=[f"If-None-Match: {etag}"]
            ),
            replace(first, connections=1),
        ]

    def _static_limits(
        self,
        stack: ExitStack,
        targets: TargetFactory,
        responses: Mapping[str, Recorded],
        movies: int,
    ) -> list[Workload]:
        """Return workloads of nginx, which serves recorded bodies; empty if it is missing."""
        if not is_nginx_installed():
            return []
        page, movie, _not_modified = responses
        files = {"/page.json": responses[page], "/movie.json": responses[movie]}
        nginx = stack.enter_context(targets.nginx(files))
        return [
            self._workload(NGINX, movies, Read.FIRST_PAGE, nginx, ["/page.json"]),
            self._workload(NGINX, movies, Read.BY_ID, nginx, ["/movie.json"]),
        ]

    def _workload(
        self, target: str, movies: int, read: str, server: Server, paths: Sequence[str]
    ) -> Workload:
        return Workload(
            target=target,
            movies=movies,
            read=read,
            server=server,
            paths=paths,
            connections=self.plan.connections,
        )

    def _measure_single_client(self, workloads: Sequence[Workload]) -> tuple[Latency, ...]:
        self.progress.stage("Single client, library requests")
        return tuple(
            _time_single_client(workload)
            for workload in workloads
            if workload.movies == self.plan.reference_movies
            and workload.read == Read.FIRST_PAGE
            and workload.connections == self.plan.connections
        )

    def _measure_memory(self, workloads: Sequence[Workload]) -> tuple[Memory, ...]:
        self.progress.stage("Memory")
        cached = {
            workload.movies: workload.server for workload in workloads if workload.target == CACHED
        }
        smallest, *_, largest = [*self.plan.sizes, *self.plan.sizes]
        return (
            measure_memory(cached[smallest], smallest, fills_cache=False),
            measure_memory(cached[largest], largest, fills_cache=True),
        )


def _record(server: Server, samples: Sequence[Sample]) -> dict[str, Recorded]:
    """Record the first page, a movie, and the 304 for the page; return them by path."""
    page, movie = (SERVICE_PATHS[read](samples[0]) for read in _HOT_READS)
    recorded = {path: record(server.url + path) for path in (page, movie)}
    etag = dict(recorded[page].headers)["etag"]
    return {**recorded, "/not-modified": record(server.url + page, {"If-None-Match": etag})}


def _time_single_client(workload: Workload) -> Latency:
    url = workload.server.url + workload.paths[0]
    milliseconds = []
    with requests.Session() as session:
        for _ in range(_SINGLE_REQUESTS):
            started = time.perf_counter()
            session.get(url, timeout=60)
            milliseconds.append((time.perf_counter() - started) * 1000)
    points = statistics.quantiles(milliseconds, n=100, method="inclusive")
    return Latency(workload.target, points[49], points[98])


def _describe_machine(*, pinned: bool) -> dict[str, str]:
    return {
        "system": f"{platform.system()} {platform.machine()}",
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "processors": str(psutil.cpu_count()),
        "memory": f"{psutil.virtual_memory().total / 2**30:.0f} GiB",
        "pinning": "server and load on separate processors" if pinned else "none",
    }
