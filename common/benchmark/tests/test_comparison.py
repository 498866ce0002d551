import json

import pytest

from common.benchmark.comparison import Comparison, find, find_slowdowns
from common.benchmark.report import render_json
from common.benchmark.results import CACHED, RAW_ASGI, UNCACHED
from common.benchmark.tests.conftest import LIMITS, SPEEDS, MakeResults
from common.benchmark.workload import Read


def by_name(comparisons: list[Comparison], name: str) -> Comparison:
    return next(comparison for comparison in comparisons if comparison.name.startswith(name))


def test_compares_with_limits_and_baselines(make_results: MakeResults) -> None:
    comparisons = find(make_results(sizes=(100, 200, 300)))
    page = by_name(comparisons, "cached page, in raw")
    assert page.value == pytest.approx(0.9)
    assert page.is_met
    assert by_name(comparisons, "cached 304").is_met is False
    assert by_name(comparisons, "cached page, median latency").value == pytest.approx(1 / 0.9)
    assert by_name(comparisons, "uncached page, against Datasette").value == pytest.approx(10)
    assert by_name(comparisons, "uncached movie by title, against textbook").value == pytest.approx(
        50
    )
    growth = [
        comparison
        for comparison in comparisons
        if "cost with 300 movies against 200" in comparison.name
    ]
    assert len(growth) == len(Read)
    assert all(
        not comparison.is_met and comparison.value == pytest.approx(2) for comparison in growth
    )
    memory = by_name(comparisons, "memory")
    assert (memory.text, memory.required_text) == ("36.00 MiB", "at most 64.00 MiB")
    bare = by_name(comparisons, "movies stored a second, without links")
    assert (bare.text, bare.required_text, bare.is_met) == ("100,000", "at least 50,000", True)
    assert by_name(comparisons, "movies stored a second, with cast").is_met is False


def test_omits_growth_with_a_single_size(make_results: MakeResults) -> None:
    assert not any(
        "cost with" in comparison.name for comparison in find(make_results(sizes=(100,)))
    )


def test_finds_slowdowns_relative_to_the_raw_asgi_app(make_results: MakeResults) -> None:
    baseline = json.loads(render_json(make_results(), []))
    assert find_slowdowns(make_results(), baseline) == []
    half_as_fast = {target: speed / 2 for target, speed in (SPEEDS | LIMITS).items()}
    assert find_slowdowns(make_results(half_as_fast), baseline) == []
    slower = find_slowdowns(make_results({CACHED: 6_000.0}), baseline)
    assert {slowdown.target for slowdown in slower} == {CACHED}
    assert str(slower[0]) == (
        "Movies API, cached, 200 movies, first page: "
        "0.67 of the baseline, relative to the raw ASGI app"
    )


def test_ignores_differences_within_the_noise(make_results: MakeResults) -> None:
    baseline = json.loads(render_json(make_results(), []))
    assert find_slowdowns(make_results({UNCACHED: 5_000.0 * 0.92}), baseline) == []


def test_finds_no_slowdowns_without_a_common_reference(make_results: MakeResults) -> None:
    baseline = json.loads(render_json(make_results(), []))
    baseline["measurements"] = [
        measurement for measurement in baseline["measurements"] if measurement["target"] != RAW_ASGI
    ]
    assert find_slowdowns(make_results({CACHED: 1.0}), baseline) == []
