import json
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from common.benchmark import __main__ as command
from common.benchmark.__main__ import app
from common.benchmark.seeding import SeedingTimes

ROOT = Path(__file__).parents[3]


def test_limit_is_the_number_of_request_rounds_times_the_latency() -> None:
    times = SeedingTimes(concurrency=25, movies=101, latency_seconds=0.2, seconds=(1.5, 1.1, 1.2))
    assert times.limit_seconds == pytest.approx(1.0)
    assert times.ratio == pytest.approx(1.2)


@pytest.mark.integration
def test_help_lists_the_measurements() -> None:
    command = [sys.executable, "-m", "common.benchmark", "--help"]
    shown = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    assert "seeding" in shown


@pytest.mark.integration
def test_compares_parallel_with_sequential_seeding(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    arguments = ["seeding", "--latency-ms", "1", "--rounds", "1", "--json"]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.output
    parallel, sequential = json.loads(result.stdout)
    assert (parallel["concurrency"], sequential["concurrency"]) == (25, 1)
    assert parallel["movies"] == sequential["movies"] == 100
    assert parallel["ratio"] > 0


def test_shows_the_times(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        command,
        "measure_seeding",
        lambda _latency_ms, concurrency, _runs: SeedingTimes(concurrency, 100, 0.25, (1.1,)),
    )
    assert "median / limit" in CliRunner().invoke(app, ["seeding"]).stdout
