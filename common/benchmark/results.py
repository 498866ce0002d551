"""Plan and results of the main benchmark."""

from collections.abc import Sequence
from dataclasses import dataclass

from common.benchmark.datasets import GenerationTimes
from common.benchmark.load import Tool
from common.benchmark.measurement import Measurement
from common.benchmark.memory import Memory
from common.benchmark.seeding import SeedingTimes
from common.benchmark.workload import CONNECTIONS

CACHED, UNCACHED = "Movies API, cached", "Movies API, uncached"
RAW_ASGI, NGINX = "raw ASGI app", "nginx, static file"
TEXTBOOK, DATASETTE = "textbook FastAPI and ORM", "Datasette"

NOT_MODIFIED = "304"
"""Read of the first page by a client that has a current copy."""

WorkloadKey = tuple[str, int, str, int]

BARE_MOVIES = 100_000
"""Number of movies stored without relations, to measure the time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Parameters of the benchmark.

    Sizes ascend; `seeding_latency_ms` is the latency of the emulated OMDb.
    """

    sizes: Sequence[int] = (100, 10_000, 1_000_000)
    rounds: int = 5
    seconds: float = 1
    connections: int = CONNECTIONS
    tool: Tool
    seeding_latency_ms: int = 250
    bare_movies: int = BARE_MOVIES

    @property
    def reference_movies(self) -> int:
        """Catalogue size for comparisons between servers: the second smallest, or the only one."""
        return self.sizes[min(1, len(self.sizes) - 1)]


@dataclass(frozen=True, slots=True)
class Latency:
    """Latency seen by a single client with the library `requests`, in milliseconds."""

    target: str
    median_ms: float
    p99_ms: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Results:
    """Results of a run."""

    started_at: str
    machine: dict[str, str]
    versions: dict[str, str]
    plan: Plan
    missing: tuple[str, ...]
    """Reasons for targets that could not be measured."""
    measurements: tuple[Measurement, ...]
    single_client: tuple[Latency, ...]
    memory: tuple[Memory, ...]
    generations: tuple[GenerationTimes, ...]
    seeding: tuple[SeedingTimes, ...]

    @property
    def by_workload(self) -> dict[WorkloadKey, Measurement]:
        """The measurements by target, movies, read and connections."""
        return {
            (
                measurement.target,
                measurement.movies,
                measurement.read,
                measurement.connections,
            ): measurement
            for measurement in self.measurements
        }
