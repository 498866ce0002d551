import json
from pathlib import Path

from common.benchmark.comparison import Finding
from common.benchmark.seeding import SeedingTimes

ROOT = Path(__file__).parents[3]
RESULTS = json.loads((ROOT / "docs" / "benchmark" / "results.json").read_text(encoding="utf-8"))
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_readme_quotes_every_figure_of_the_run_in_the_docs() -> None:
    findings = [Finding(**finding) for finding in RESULTS["findings"]]
    assert len(findings) == 19
    for finding in findings:
        row = f"| {finding.name} | {finding.text} | {finding.target_text} |"
        assert row in README


def test_readme_and_the_guide_quote_the_run_on_postgresql() -> None:
    run = json.loads((ROOT / "docs" / "benchmark" / "postgresql.json").read_text(encoding="utf-8"))
    guide = (ROOT / "docs" / "databases.md").read_text(encoding="utf-8")
    assert len(run["findings"]) == 3
    for finding in (Finding(**finding) for finding in run["findings"]):
        row = f"| {finding.name} | {finding.text} | {finding.target_text} |"
        assert row in README
        assert row in guide


def test_readme_quotes_its_seedings() -> None:
    for times in (SeedingTimes(**times) for times in RESULTS["seeding"]):
        row = (
            f"| {times.concurrency} | {times.median_seconds:.3f} s | {times.limit_seconds:.3f} s "
            f"| {times.ratio:.3f} |"
        )
        assert row in README


def test_the_report_in_the_docs_is_of_that_run() -> None:
    report = (ROOT / "docs" / "benchmark" / "report.html").read_text(encoding="utf-8")
    assert RESULTS["started_at"] in report
    assert (ROOT / "docs" / "benchmark" / "chart.svg").exists()
