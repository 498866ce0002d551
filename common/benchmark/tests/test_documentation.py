import json
from pathlib import Path

from common.benchmark.comparison import Comparison
from common.benchmark.seeding import SeedingTimes

ROOT = Path(__file__).parents[3]
RESULTS = json.loads((ROOT / "docs" / "benchmark" / "results.json").read_text(encoding="utf-8"))
GUIDE = (ROOT / "docs" / "explanation" / "performance.md").read_text(encoding="utf-8")


def test_guide_contains_every_figure_of_the_published_run() -> None:
    comparisons = [Comparison(**comparison) for comparison in RESULTS["comparisons"]]
    assert len(comparisons) == 19
    for comparison in comparisons:
        row = f"| {comparison.name} | {comparison.text} | {comparison.required_text} |"
        assert row in GUIDE


def test_guide_contains_the_figures_of_the_postgresql_run() -> None:
    run = json.loads((ROOT / "docs" / "benchmark" / "postgresql.json").read_text(encoding="utf-8"))
    assert len(run["comparisons"]) == 3
    for comparison in (Comparison(**comparison) for comparison in run["comparisons"]):
        row = f"| {comparison.name} | {comparison.text} | {comparison.required_text} |"
        assert row in GUIDE


def test_guide_contains_the_seeding_times() -> None:
    for times in (SeedingTimes(**times) for times in RESULTS["seeding"]):
        row = (
            f"| {times.concurrency} | {times.median_seconds:.3f} s | {times.limit_seconds:.3f} s "
            f"| {times.ratio:.3f} |"
        )
        assert row in GUIDE


def test_published_report_belongs_to_the_published_results() -> None:
    report = (ROOT / "docs" / "benchmark" / "report.html").read_text(encoding="utf-8")
    assert RESULTS["started_at"] in report
    assert (ROOT / "docs" / "benchmark" / "chart.svg").exists()
