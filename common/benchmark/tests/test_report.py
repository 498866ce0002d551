import re
import xml.etree.ElementTree as ET

from common.benchmark.comparison import Slowdown, find
from common.benchmark.report import (
    cost_bars,
    latency_strips,
    render_chart,
    render_page,
    seeding_bars,
    throughput_bars,
)
from common.benchmark.results import CACHED, NGINX, UNCACHED
from common.benchmark.tests.conftest import MakeResults
from common.benchmark.workload import Read


def test_the_fastest_bar_is_first_and_widest(make_results: MakeResults) -> None:
    bars = throughput_bars(make_results(), Read.FIRST_PAGE)
    assert bars[0].label == NGINX
    assert bars[0].high == 1
    assert [bar.share for bar in bars] == sorted((bar.share for bar in bars), reverse=True)
    assert {bar.label for bar in bars if bar.is_ours} == {CACHED, UNCACHED}
    assert bars[2].text == "9,000 requests/s"


def test_latencies_are_ordered_on_their_scale(make_results: MakeResults) -> None:
    strips = latency_strips(make_results())
    for strip in strips:
        places = list(strip.places.values())
        assert places == sorted(places)
    assert min(strip.places["1"] for strip in strips) == 0
    assert max(strip.places["99"] for strip in strips) == 1
    medians = [strip.places["50"] for strip in strips]
    assert medians == sorted(medians)


def test_costs_are_shown_for_every_size(make_results: MakeResults) -> None:
    bars = cost_bars(make_results(), Read.YEAR_FILTER)
    assert [bar.label for bar in bars[:2]] == [f"{UNCACHED}, 100 movies", f"{UNCACHED}, 200 movies"]
    assert [bar.text for bar in bars[:2]] == ["200 µs", "400 µs"]
    assert bars[2].text == "10 ms"
    assert len(bars) == 6
    slow = cost_bars(make_results({UNCACHED: 0.5}), Read.YEAR_FILTER)
    assert slow[0].text == "2 s"


def test_seeding_time_is_followed_by_its_limit(make_results: MakeResults) -> None:
    bars = seeding_bars(make_results())
    assert [bar.text for bar in bars] == ["1.15 s", "1.00 s"]
    assert [bar.is_ours for bar in bars] == [True, False]


def test_page_is_self_contained_and_complete(make_results: MakeResults) -> None:
    results = make_results()
    page = render_page(results, find(results), None)
    assert not re.search(r"(src|href)=|@import|url\(|<script", page)
    assert "prefers-color-scheme: dark" in page
    assert 'name="viewport"' in page
    assert "this run is the baseline" in page
    assert "Not compared: nginx is not installed." in page
    assert page.count(">missed<") == sum(not comparison.is_met for comparison in find(results))


def test_page_lists_slowdowns(make_results: MakeResults) -> None:
    results = make_results()
    slowdown = Slowdown(CACHED, 100, "first page", 0.5)
    assert str(slowdown) in render_page(results, [], [slowdown])
    assert "No slowdowns." in render_page(results, [], [])


def test_chart_is_an_svg_with_labels(make_results: MakeResults) -> None:
    chart = ET.fromstring(render_chart(make_results()))  # noqa: S314 - Trusted: rendered by this project.
    texts = [text.text for text in chart.iter("{http://www.w3.org/2000/svg}text")]
    assert "Movies API, cached" in texts
    assert "9,000" in texts
