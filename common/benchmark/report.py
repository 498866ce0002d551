"""The report of a run: a page for people, a chart for other pages, a document for programs."""

import json
import math
import statistics
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass

from jinja2 import Environment, PackageLoader, StrictUndefined

from common.benchmark.comparison import Finding, Slowdown
from common.benchmark.measurement import Cell
from common.benchmark.results import (
    CACHED,
    DATASETTE,
    NOT_MODIFIED,
    TEXTBOOK,
    UNCACHED,
    Results,
)
from common.benchmark.workload import Read

_OURS = {CACHED, UNCACHED}
_WITHOUT_CACHE = (UNCACHED, TEXTBOOK, DATASETTE)
_THROUGHPUTS = {
    Read.FIRST_PAGE: "A page of ten films",
    Read.BY_ID: "One film",
    NOT_MODIFIED: "A page that the client has (304)",
}


@dataclass(frozen=True, slots=True)
class Bar:
    """A bar of a chart, from 0 to `share` of its width; the rounds lay from `low` to `high`."""

    label: str
    text: str
    share: float
    low: float
    high: float
    is_ours: bool = False


@dataclass(frozen=True, slots=True)
class Strip:
    """Where latencies lie on a logarithmic scale of the chart's width, by percentile."""

    label: str
    text: str
    places: dict[str, float]
    is_ours: bool


def render_json(results: Results, findings: Sequence[Finding]) -> str:
    """Return everything that was measured as a JSON document."""
    document = {"findings": [asdict(finding) for finding in findings], **asdict(results)}
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


def render_page(
    results: Results, findings: Sequence[Finding], slowdowns: Sequence[Slowdown] | None
) -> str:
    """Return the report as HTML.

    Args:
        results: of the run.
        findings: its figures with targets.
        slowdowns: what got slower than in the baseline, or `None` where there is none.
    """
    return _render(
        "report.html",
        results=results,
        findings=findings,
        slowdowns=slowdowns,
        throughputs={title: throughput_bars(results, read) for read, title in _THROUGHPUTS.items()},
        strips=latency_strips(results),
        costs={read: cost_bars(results, read) for read in Read},
        seeding=seeding_bars(results),
        duration=_duration,
    )


def render_chart(results: Results) -> str:
    """Return the throughput of a page as an SVG that follows the reader's light or dark."""
    return _render("chart.svg", bars=throughput_bars(results, Read.FIRST_PAGE), plan=results.plan)


def throughput_bars(results: Results, read: str) -> list[Bar]:
    """Return who answers how many requests a second, the fastest first."""
    cells = sorted(
        _reference_cells(results, read),
        key=lambda cell: cell.requests_per_second.median,
        reverse=True,
    )
    widest = max(cell.requests_per_second.highest for cell in cells)
    return [
        Bar(
            cell.contender,
            f"{cell.requests_per_second.median:,.0f} a second",
            cell.requests_per_second.median / widest,
            cell.requests_per_second.lowest / widest,
            cell.requests_per_second.highest / widest,
            cell.contender in _OURS,
        )
        for cell in cells
    ]


def latency_strips(results: Results) -> list[Strip]:
    """Return how long a page takes under load, for servers that were put under load."""
    cells = [cell for cell in _reference_cells(results, Read.FIRST_PAGE) if not cell.is_slow]
    shown = ("1", "25", "50", "75", "99")
    place = _logarithmic([cell.latency_us[percentile] for cell in cells for percentile in shown])
    return [
        Strip(
            cell.contender,
            "median {}, 99 % below {}".format(
                _duration(cell.latency_us["50"]), _duration(cell.latency_us["99"])
            ),
            {percentile: place(cell.latency_us[percentile]) for percentile in shown},
            cell.contender in _OURS,
        )
        for cell in sorted(cells, key=lambda cell: cell.latency_us["50"])
    ]


def cost_bars(results: Results, read: str) -> list[Bar]:
    """Return what a read costs a server without a cache, by size; the scale is logarithmic."""
    cells = [cell for cell in results.cells if cell.contender in _WITHOUT_CACHE]
    costs = [_cost_us(cell) for cell in cells]
    place = _logarithmic([min(costs) / 2, *costs])
    return [
        Bar(
            f"{cell.contender}, {cell.films:,} films",
            _duration(_cost_us(cell)),
            *(place(_cost_us(cell)),) * 3,
            cell.contender in _OURS,
        )
        for cell in sorted(cells, key=lambda cell: _WITHOUT_CACHE.index(cell.contender))
        if cell.read == read
    ]


def seeding_bars(results: Results) -> list[Bar]:
    """Return how long seeding took, and how long at least it has to take."""
    times = {
        f"{measured.concurrency} at once{suffix}": seconds
        for measured in results.seeding
        for suffix, seconds in (
            ("", measured.seconds),
            (", waiting alone", (measured.limit_seconds,)),
        )
    }
    widest = max(map(max, times.values()))
    return [
        Bar(
            label,
            f"{statistics.median(seconds):.2f} s",
            statistics.median(seconds) / widest,
            min(seconds) / widest,
            max(seconds) / widest,
            not label.endswith("alone"),
        )
        for label, seconds in times.items()
    ]


def _reference_cells(results: Results, read: str) -> list[Cell]:
    plan = results.plan
    asked = read, plan.reference_films, plan.connections
    return [cell for cell in results.cells if asked == (cell.read, cell.films, cell.connections)]


def _cost_us(cell: Cell) -> float:
    return 1e6 / cell.requests_per_second.median


def _logarithmic(values: Sequence[float]) -> Callable[[float], float]:
    """Return what places a value between the lowest, at 0, and the highest, at 1."""
    lowest, highest = math.log(min(values)), math.log(max(values))
    span = (highest - lowest) or 1
    return lambda value: (math.log(value) - lowest) / span


def _duration(microseconds: float) -> str:
    for unit, size in (("s", 1e6), ("ms", 1e3)):
        if microseconds >= size:
            return f"{microseconds / size:.3g} {unit}"
    return f"{microseconds:.0f} µs"


def _render(name: str, **values: object) -> str:
    templates = Environment(
        loader=PackageLoader(__package__),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return templates.get_template(name).render(values)
