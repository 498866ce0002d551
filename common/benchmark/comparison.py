"""What a run shows: ratios against their targets, and what got slower since an earlier run."""

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
"""What does less than this share of an earlier run's work got slower."""

_MEBIBYTE = 2**20


@dataclass(frozen=True, slots=True)
class Finding:
    """A figure with a target."""

    name: str
    value: float
    unit: str
    target: float
    is_at_least: bool
    """Whether the target is the lowest value that will do; else it is the highest."""

    @property
    def text(self) -> str:
        """The value as people read it."""
        return self._written(self.value)

    @property
    def target_text(self) -> str:
        """The target as people read it."""
        return f"{'at least' if self.is_at_least else 'at most'} {self._written(self.target)}"

    def _written(self, number: float) -> str:
        return f"{number:,.0f}" if not self.unit else f"{number:.2f} {self.unit}"

    @property
    def is_met(self) -> bool:
        """Whether the target is reached."""
        return self.value >= self.target if self.is_at_least else self.value <= self.target


@dataclass(frozen=True, slots=True)
class Slowdown:
    """A question that is answered more slowly than in an earlier run."""

    contender: str
    films: int
    read: str
    ratio: float
    """Its throughput in raw ASGI apps of its own run, as a share of what that was before."""

    def __str__(self) -> str:
        return (
            f"{self.contender}, {self.films:,} films, {self.read}: "
            f"{self.ratio:.2f} of what it was, in raw ASGI apps"
        )


def find(results: Results) -> list[Finding]:
    """Return the figures that the project aims at, as far as they were measured."""
    return [
        *_against_limits(results),
        *_against_others(results),
        *_growth(results),
        *_of_memory(results),
        *_of_filling(results),
    ]


def _against_limits(results: Results) -> Iterator[Finding]:
    plan = results.plan
    for read, name, target in (
        (Read.FIRST_PAGE, "cached page", 0.9),
        (Read.BY_ID, "cached film", 0.9),
        (NOT_MODIFIED, "cached 304", 0.95),
    ):
        ratio = _ratio(results, (CACHED, read), (RAW_ASGI, read), plan.connections)
        yield Finding(f"{name}, in raw ASGI apps", ratio, "x", target, is_at_least=True)
    first = plan.reference_films, Read.FIRST_PAGE, 1
    cells = results.by_question
    ours, raw = (cells[contender, *first].latency_us["50"] for contender in (CACHED, RAW_ASGI))
    name = "cached page, median latency of one connection, in raw ASGI apps"
    yield Finding(name, ours / raw, "x", 1.15, is_at_least=False)


def _against_others(results: Results) -> Iterator[Finding]:
    for read, name, targets in (
        (Read.FIRST_PAGE, "uncached page", {DATASETTE: 10, TEXTBOOK: 12}),
        (Read.BY_TITLE, "uncached film by title", {DATASETTE: 8, TEXTBOOK: 10}),
    ):
        for other, target in targets.items():
            ratio = _ratio(results, (UNCACHED, read), (other, read), results.plan.connections)
            yield Finding(f"{name}, against {other}", ratio, "x", target, is_at_least=True)


def _ratio(
    results: Results, ours: tuple[str, str], theirs: tuple[str, str], connections: int
) -> float:
    cells, films = results.by_question, results.plan.reference_films
    mine, other = (
        cells[contender, films, read, connections].requests_per_second.median
        for contender, read in (ours, theirs)
    )
    return mine / other


def _growth(results: Results) -> Iterator[Finding]:
    """Yield how much dearer each read is in the largest catalogue than in the reference one."""
    plan, cells = results.plan, results.by_question
    reference, largest = plan.reference_films, plan.sizes[-1]
    if reference == largest:
        return
    for read in Read:
        small, large = (
            cells[UNCACHED, films, read, plan.connections].requests_per_second.median
            for films in (reference, largest)
        )
        name = f"{read}, uncached: cost with {largest:,} films against {reference:,}"
        yield Finding(name, small / large, "x", 1.5, is_at_least=False)


def _of_memory(results: Results) -> Iterator[Finding]:
    small, large = results.memory
    grown = large.resident_bytes - small.resident_bytes - large.cache_bytes
    name = f"memory with {large.films:,} films, beyond {small.films:,} films and the filled cache"
    yield Finding(name, grown / _MEBIBYTE, "MiB", 64, is_at_least=False)


def _of_filling(results: Results) -> Iterator[Finding]:
    bare, *linked = results.fillings
    for name, filling, target in (
        ("films stored a second, without links", bare, 50_000),
        ("films stored a second, with cast and genres", linked[-1], 10_000),
    ):
        yield Finding(name, filling.films_per_second, "", target, is_at_least=True)


def find_slowdowns(results: Results, baseline: Mapping[str, Any]) -> list[Slowdown]:
    """Compare with an earlier run, each in units of its own raw ASGI app: machines differ.

    Only what lies outside of the spread of both runs counts.

    Args:
        results: of this run.
        baseline: the JSON document of the earlier one.
    """
    keys = ("contender", "films", "read", "connections")
    before = {tuple(cell[key] for key in keys): cell for cell in baseline["cells"]}
    plan = results.plan
    unit = RAW_ASGI, plan.reference_films, Read.FIRST_PAGE, plan.connections
    if unit not in before:
        return []
    unit_now = results.by_question[unit].requests_per_second.median
    unit_then = before[unit]["requests_per_second"]["median"]
    slowdowns = []
    for key, cell in results.by_question.items():
        if key in before and cell.contender in {CACHED, UNCACHED}:
            now, then = cell.requests_per_second, before[key]["requests_per_second"]
            ratio = (now.median / unit_now) / (then["median"] / unit_then)
            is_beyond_noise = now.highest / unit_now < then["lowest"] / unit_then
            if ratio < SLOWER_RATIO and is_beyond_noise:
                slowdowns.append(Slowdown(cell.contender, cell.films, cell.read, ratio))
    return slowdowns
