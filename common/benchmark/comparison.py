"""Comparisons of measured figures with their targets, and slowdowns against an earlier run."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from common.benchmark.results import (
    CACHED,
    DATASETTE,
    NOT_MODIFIED,
    RAW_ASGI,
    TEXTBOOK,
    UNCACHED,
    Results,
)
from common.benchmark.workload import Read

SLOWER_RATIO = 0.9
"""Throughput below this share of an earlier run is a slowdown."""

_MEBIBYTE = 2**20


@dataclass(frozen=True, slots=True)
class Comparison:
    """Measured figure with a target."""

    name: str
    value: float
    unit: str
    required: float
    is_at_least: bool
    """Whether the target is a minimum; otherwise it is a maximum."""

    @property
    def text(self) -> str:
        """The formatted value."""
        return self._formatted(self.value)

    @property
    def required_text(self) -> str:
        """The formatted target."""
        return f"{'at least' if self.is_at_least else 'at most'} {self._formatted(self.required)}"

    def _formatted(self, number: float) -> str:
        return f"{number:,.0f}" if not self.unit else f"{number:.2f} {self.unit}"

    @property
    def is_met(self) -> bool:
        """Whether the value meets the target."""
        return self.value >= self.required if self.is_at_least else self.value <= self.required


@dataclass(frozen=True, slots=True)
class Slowdown:
    """Workload with a lower throughput than in an earlier run."""

    target: str
    movies: int
    read: str
    ratio: float
    """Throughput relative to the raw ASGI app, divided by that of the earlier run."""

    def __str__(self) -> str:
        return (
            f"{self.target}, {self.movies:,} movies, {self.read}: "
            f"{self.ratio:.2f} of the baseline, relative to the raw ASGI app"
        )


def find(results: Results) -> list[Comparison]:
    """Return the measured figures that have targets."""
    return [
        *_limit_comparisons(results),
        *_baseline_comparisons(results),
        *_growth_comparisons(results),
        *_memory_comparisons(results),
        *_generation_comparisons(results),
    ]


def _limit_comparisons(results: Results) -> Iterator[Comparison]:
    plan = results.plan
    for read, name, target in (
        (Read.FIRST_PAGE, "cached page", 0.9),
        (Read.BY_ID, "cached movie", 0.9),
        (NOT_MODIFIED, "cached 304", 0.95),
    ):
        ratio = _ratio(results, (CACHED, read), (RAW_ASGI, read), plan.connections)
        yield Comparison(f"{name}, in raw ASGI apps", ratio, "x", target, is_at_least=True)
    first = plan.reference_movies, Read.FIRST_PAGE, 1
    measurements = results.by_workload
    ours, raw = (measurements[target, *first].latency_us["50"] for target in (CACHED, RAW_ASGI))
    name = "cached page, median latency of one connection, in raw ASGI apps"
    yield Comparison(name, ours / raw, "x", 1.15, is_at_least=False)


def _baseline_comparisons(results: Results) -> Iterator[Comparison]:
    for read, name, targets in (
        (Read.FIRST_PAGE, "uncached page", {DATASETTE: 10, TEXTBOOK: 12}),
        (Read.BY_TITLE, "uncached movie by title", {DATASETTE: 8, TEXTBOOK: 10}),
    ):
        for other, target in targets.items():
            ratio = _ratio(results, (UNCACHED, read), (other, read), results.plan.connections)
            yield Comparison(f"{name}, against {other}", ratio, "x", target, is_at_least=True)


def _ratio(
    results: Results, ours: tuple[str, str], theirs: tuple[str, str], connections: int
) -> float:
    measurements, movies = results.by_workload, results.plan.reference_movies
    mine, other = (
        measurements[target, movies, read, connections].requests_per_second.median
        for target, read in (ours, theirs)
    )
    return mine / other


def _growth_comparisons(results: Results) -> Iterator[Comparison]:
    """Yield the cost of each read in the largest catalogue, relative to the reference one."""
    plan, measurements = results.plan, results.by_workload
    reference, largest = plan.reference_movies, plan.sizes[-1]
    if reference == largest:
        return
    for read in Read:
        small, large = (
            measurements[UNCACHED, movies, read, plan.connections].requests_per_second.median
            for movies in (reference, largest)
        )
        name = f"{read}, uncached: cost with {largest:,} movies against {reference:,}"
        yield Comparison(name, small / large, "x", 1.5, is_at_least=False)


def _memory_comparisons(results: Results) -> Iterator[Comparison]:
    small, large = results.memory
    grown = large.resident_bytes - small.resident_bytes - large.cache_bytes
    name = (
        f"memory with {large.movies:,} movies, beyond {small.movies:,} movies and the filled cache"
    )
    yield Comparison(name, grown / _MEBIBYTE, "MiB", 64, is_at_least=False)


def _generation_comparisons(results: Results) -> Iterator[Comparison]:
    bare, *linked = results.generations
    for name, generation, target in (
        ("movies stored a second, without links", bare, 50_000),
        ("movies stored a second, with cast and genres", linked[-1], 10_000),
    ):
        yield Comparison(name, generation.movies_per_second, "", target, is_at_least=True)


def find_slowdowns(results: Results, baseline: Mapping[str, Any]) -> list[Slowdown]:
    """Compare with an earlier run, and return the workloads that became slower.

    Since machines differ, each run is measured relative to its own raw ASGI app. A slowdown has to
    lie outside the spread of both runs. Without a common reference the result is empty.
    """
    keys = ("target", "movies", "read", "connections")
    before = {
        tuple(measurement[key] for key in keys): measurement
        for measurement in baseline["measurements"]
    }
    plan = results.plan
    unit = RAW_ASGI, plan.reference_movies, Read.FIRST_PAGE, plan.connections
    if unit not in before:
        return []
    unit_now = results.by_workload[unit].requests_per_second.median
    unit_then = before[unit]["requests_per_second"]["median"]
    slowdowns = []
    for key, measurement in results.by_workload.items():
        if key in before and measurement.target in {CACHED, UNCACHED}:
            now, then = measurement.requests_per_second, before[key]["requests_per_second"]
            ratio = (now.median / unit_now) / (then["median"] / unit_then)
            is_beyond_noise = now.highest / unit_now < then["lowest"] / unit_then
            if ratio < SLOWER_RATIO and is_beyond_noise:
                slowdowns.append(
                    Slowdown(measurement.target, measurement.movies, measurement.read, ratio)
                )
    return slowdowns
