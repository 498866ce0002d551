"""Report of a run, as an HTML page, an SVG chart and a JSON document."""

import json
import math
import statistics
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass

from jinja2 import Environment, PackageLoader, StrictUndefined

from common.benchmark.comparison import Comparison, Slowdown
from common.benchmark.measurement import Measurement
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
    Read.FIRST_PAGE: "Page of ten movies",
    Read.BY_ID: "Single movie",
    NOT_MODIFIED: "Revalidated page (304)",
}


@dataclass(frozen=True, slots=True)
class Bar:
    """Bar of a chart from 0 to `share` of the width; the rounds spread from `low` to `high`."""

    label: str
    text: str
    share: float
    low: float
    high: float
    is_ours: bool = False


@dataclass(frozen=True, slots=True)
class Strip:
    """Latencies by percentile, as positions from 0 to 1 on a logarithmic scale."""

    label: str
    text: str
    places: dict[str, float]
    is_ours: bool


def render_json(results: Results, comparisons: Sequence[Comparison]) -> str:
    """Return all results as a JSON document."""
    document = {
        "comparisons": [asdict(comparison) for comparison in comparisons],
        **asdict(results),
    }
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


def render_page(
    results: Results, comparisons: Sequence[Comparison], slowdowns: Sequence[Slowdown] | None
) -> str:
    """Return the report as HTML; `slowdowns` is `None` without a baseline."""
    return _render(
        "report.html",
        results=results,
        comparisons=comparisons,
        slowdowns=slowdowns,
        throughputs={title: throughput_bars(results, read) for read, title in _THROUGHPUTS.items()},
        strips=latency_strips(results),
        costs={read: cost_bars(results, read) for read in Read},
        seeding=seeding_bars(results),
        duration=_duration,
    )


def render_chart(results: Results) -> str:
    """Return the throughput of a page as an SVG chart that adapts to light and dark mode."""
    return _render("chart.svg", bars=throughput_bars(results, Read.FIRST_PAGE), plan=results.plan)


def throughput_bars(results: Results, read: str) -> list[Bar]:
    """Return the throughput of each server for a read, the fastest first."""
    measurements = sorted(
        _reference_measurements(results, read),
        key=lambda measurement: measurement.requests_per_second.median,
        reverse=True,
    )
    widest = max(measurement.requests_per_second.highest for measurement in measurements)
    return [
        Bar(
            measurement.target,
            f"{measurement.requests_per_second.median:,.0f} requests/s",
            measurement.requests_per_second.median / widest,
            measurement.requests_per_second.lowest / widest,
            measurement.requests_per_second.highest / widest,
            measurement.target in _OURS,
        )
        for measurement in measurements
    ]


def latency_strips(results: Results) -> list[Strip]:
    """Return the latencies of a page under load; slow servers, without load, are absent."""
    measurements = [
        measurement
        for measurement in _reference_measurements(results, Read.FIRST_PAGE)
        if not measurement.is_slow
    ]
    shown = ("1", "25", "50", "75", "99")
    place = _logarithmic(
        [measurement.latency_us[percentile] for measurement in measurements for percentile in shown]
    )
    return [
        Strip(
            measurement.target,
            "median {}, 99th percentile {}".format(
                _duration(measurement.latency_us["50"]), _duration(measurement.latency_us["99"])
            ),
            {percentile: place(measurement.latency_us[percentile]) for percentile in shown},
            measurement.target in _OURS,
        )
        for measurement in sorted(
            measurements, key=lambda measurement: measurement.latency_us["50"]
        )
    ]


def cost_bars(results: Results, read: str) -> list[Bar]:
    """Return the cost of a read without a cache by catalogue size, on a logarithmic scale."""
    measurements = [
        measurement for measurement in results.measurements if measurement.target in _WITHOUT_CACHE
    ]
    costs = [_cost_us(measurement) for measurement in measurements]
    place = _logarithmic([min(costs) / 2, *costs])
    return [
        Bar(
            f"{measurement.target}, {measurement.movies:,} movies",
            _duration(_cost_us(measurement)),
            *(place(_cost_us(measurement)),) * 3,
            measurement.target in _OURS,
        )
        for measurement in sorted(
            measurements, key=lambda measurement: _WITHOUT_CACHE.index(measurement.target)
        )
        if measurement.read == read
    ]


def seeding_bars(results: Results) -> list[Bar]:
    """Return the seeding times, and their lower limits set by OMDb's latency."""
    times = {
        f"concurrency {measured.concurrency}{suffix}": seconds
        for measured in results.seeding
        for suffix, seconds in (
            ("", measured.seconds),
            (", limit", (measured.limit_seconds,)),
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
            not label.endswith("limit"),
        )
        for label, seconds in times.items()
    ]


def _reference_measurements(results: Results, read: str) -> list[Measurement]:
    plan = results.plan
    key = read, plan.reference_movies, plan.connections
    return [
        measurement
        for measurement in results.measurements
        if key == (measurement.read, measurement.movies, measurement.connections)
    ]


def _cost_us(measurement: Measurement) -> float:
    return 1e6 / measurement.requests_per_second.median


def _logarithmic(values: Sequence[float]) -> Callable[[float], float]:
    """Return a logarithmic scale that maps the lowest value to 0 and the highest to 1."""
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
