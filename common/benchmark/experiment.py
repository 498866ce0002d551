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
    Read,
    Sample,
    Workload,
    find_samples,
)
from common.cli.progress import ProgressBar

_HOT_READS = (Read.FIRST_PAGE, Read.BY_ID)
_SINGLE_REQUESTS = 300
_NOT_MODIFIED_PATH = "/not-modified"
"""Path under which the raw ASGI app replays the 304."""


@dataclass(frozen=True, slots=True)
class Experiment:
    """One run of a plan, in an empty folder."""

    plan: Plan
    folder: Path
    progress: ProgressBar

    def run(self) -> Results:
        """Run all measurements of the plan."""
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
                for read, path in paths.items():
                    distinct = list(dict.fromkeys(map(path, samples)))
                    workloads.append(
                        Workload(target, movies, read, server, distinct, self.plan.connections)
                    )
            recorded = responses[movies] = _record(cached, samples)
            workloads += self._hot_workloads(CACHED, movies, cached, recorded, next(iter(recorded)))
        movies = self.plan.reference_movies
        recorded = responses[movies]
        raw = stack.enter_context(targets.raw_asgi(recorded))
        workloads += self._hot_workloads(RAW_ASGI, movies, raw, recorded, _NOT_MODIFIED_PATH)
        workloads += self._static_limits(stack, targets, recorded, movies)
        return workloads, () if is_nginx_installed() else ("nginx is not installed",)

    def _hot_workloads(
        self,
        target: str,
        movies: int,
        server: Server,
        responses: Mapping[str, Recorded],
        unchanged: str,
    ) -> list[Workload]:
        """Return workloads of repeated requests; those for the path `unchanged` get a 304."""
        page, movie, _not_modified = responses
        etag = f"If-None-Match: {dict(responses[page].headers)['etag']}"
        first = Workload(target, movies, Read.FIRST_PAGE, server, [page], self.plan.connections)
        return [
            first,
            replace(first, read=Read.BY_ID, paths=[movie]),
            replace(first, read=NOT_MODIFIED, paths=[unchanged], headers=[etag]),
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
        bodies = dict(zip(("/page.json", "/movie.json"), responses.values(), strict=False))
        nginx = stack.enter_context(targets.nginx(bodies))
        return [
            Workload(NGINX, movies, read, nginx, [path], self.plan.connections)
            for read, path in zip(_HOT_READS, bodies, strict=True)
        ]

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
    return {**recorded, _NOT_MODIFIED_PATH: record(server.url + page, {"If-None-Match": etag})}


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
