import json

import pytest

from common.benchmark.comparison import Finding, find, find_slowdowns
from common.benchmark.report import render_json
from common.benchmark.results import CACHED, RAW_ASGI, UNCACHED
from common.benchmark.tests.conftest import LIMITS, SPEEDS, MakeResults
from common.benchmark.workload import Read


def by_name(findings: list[Finding], name: str) -> Finding:
    return next(finding for finding in findings if finding.name.startswith(name))


def test_compares_with_limits_and_others(make_results: MakeResults) -> None:
    findings = find(make_results(sizes=(100, 200, 300)))
    page = by_name(findings, "cached page, in raw")
    assert page.value == pytest.approx(0.9)
    assert page.is_met
    assert by_name(findings, "cached 304").is_met is False
    assert by_name(findings, "cached page, median latency").value == pytest.approx(1 / 0.9)
    assert by_name(findings, "uncached page, against Datasette").value == pytest.approx(10)
    assert by_name(findings, "uncached film by title, against textbook").value == pytest.approx(50)
    growth = [finding for finding in findings if "cost with 300 films against 200" in finding.name]
    assert len(growth) == len(Read)
    assert all(not finding.is_met and finding.value == pytest.approx(2) for finding in growth)
    memory = by_name(findings, "memory")
    assert (memory.text, memory.target_text) == ("36.00 MiB", "at most 64.00 MiB")
    bare = by_name(findings, "films stored a second, without links")
    assert (bare.text, bare.target_text, bare.is_met) == ("100,000", "at least 50,000", True)
    assert by_name(findings, "films stored a second, with cast").is_met is False


def test_one_size_alone_does_not_grow(make_results: MakeResults) -> None:
    assert not any("cost with" in finding.name for finding in find(make_results(sizes=(100,))))


def test_names_what_got_slower_in_units_of_its_own_machine(make_results: MakeResults) -> None:
    baseline = json.loads(render_json(make_results(), []))
    assert find_slowdowns(make_results(), baseline) == []
    half_as_fast = {contender: speed / 2 for contender, speed in (SPEEDS | LIMITS).items()}
    assert find_slowdowns(make_results(half_as_fast), baseline) == []
    slower = find_slowdowns(make_results({CACHED: 6_000.0}), baseline)
    assert {slowdown.contender for slowdown in slower} == {CACHED}
    assert str(slower[0]) == (
        "Movies API, cached, 200 films, first page: 0.67 of what it was, in raw ASGI apps"
    )


def test_what_lies_within_the_noise_got_no_slower(make_results: MakeResults) -> None:
    baseline = json.loads(render_json(make_results(), []))
    assert find_slowdowns(make_results({UNCACHED: 5_000.0 * 0.92}), baseline) == []


def test_runs_without_a_common_unit_are_not_compared(make_results: MakeResults) -> None:
    baseline = json.loads(render_json(make_results(), []))
    baseline["cells"] = [cell for cell in baseline["cells"] if cell["contender"] != RAW_ASGI]
    assert find_slowdowns(make_results({CACHED: 1.0}), baseline) == []
