import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from common.benchmark.__main__ import app
from common.benchmark.ingesting import IngestingResults

pytestmark = pytest.mark.integration

ROOT = Path(__file__).parents[3]
QUICK = ("--objects", "20", "--lines", "50", "--rounds", "2")


def test_measures_objects_and_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    done = CliRunner().invoke(app, ["ingesting", *QUICK, "--json"])
    assert done.exit_code == 0, done.stderr
    results = json.loads(done.stdout)
    assert results["kind"] == "sqlite"
    for name in ("from_objects", "from_lines"):
        assert len(results[name]) == 2
        assert min(results[name]) > 0
    assert [comparison["required"] for comparison in results["comparisons"]] == [2_000, 20_000]


def test_rejects_a_database_that_is_not_empty(
    monkeypatch: pytest.MonkeyPatch, postgresql_url: str
) -> None:
    monkeypatch.chdir(ROOT)
    monkeypatch.setenv("COLUMNS", "200")
    command = ["ingesting", *QUICK, "--url", postgresql_url]
    done = CliRunner().invoke(app, command)
    assert done.exit_code == 0, done.stderr
    assert "movies of NDJSON a second, postgresql" in done.stdout
    again = CliRunner().invoke(app, command)
    assert (again.exit_code, "the database was not empty" in again.stderr) == (1, True)


def test_database_servers_have_half_the_targets() -> None:
    results = IngestingResults("postgresql", (900, 1_100, 9_000), (9_000, 9_900, 30_000))
    objects, lines = results.find()
    assert (objects.value, objects.required, objects.is_met) == (1_100, 1_000, True)
    assert (lines.value, lines.required, lines.is_met) == (9_900, 10_000, False)
