import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from common.benchmark import ingesting
from common.benchmark.__main__ import app
from common.benchmark.commands import BenchmarkFailed
from common.benchmark.ingesting import IngestingPlan, IngestingResults, measure_ingesting
from common.cli.progress import ProgressBar

pytestmark = pytest.mark.integration

ROOT = Path(__file__).parents[3]
QUICK = ("--objects", "20", "--lines", "50", "--rounds", "1")


def test_measures_objects_and_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    done = CliRunner().invoke(app, ["ingesting", *QUICK, "--json"])
    assert done.exit_code == 0, done.stderr
    results = json.loads(done.stdout)
    assert results["kind"] == "sqlite"
    for name in ("from_objects", "from_lines"):
        assert len(results[name]) == 1
        assert min(results[name]) > 0
    assert [comparison["required"] for comparison in results["comparisons"]] == [2_000, 20_000]


def test_rejects_a_database_that_is_not_empty(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    report = {"seconds": 1.0, "updates": {"added": 1}}
    monkeypatch.setattr(ingesting, "run_command", lambda *_arguments: json.dumps(report))
    plan = IngestingPlan(database_url="postgresql://server/movies", objects=2, lines=1)
    with pytest.raises(BenchmarkFailed, match="the database was not empty"):
        measure_ingesting(plan, tmp_path, ProgressBar("Benchmark", "measurements"))


def test_database_servers_have_half_the_targets() -> None:
    results = IngestingResults("postgresql", (900, 1_100, 9_000), (9_000, 9_900, 30_000))
    objects, lines = results.find()
    assert (objects.value, objects.required, objects.is_met) == (1_100, 1_000, True)
    assert (lines.value, lines.required, lines.is_met) == (9_900, 10_000, False)
