import json
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from common.benchmark.__main__ import app
from common.benchmark.commands import BenchmarkFailed, run_measured

pytestmark = pytest.mark.integration

ROOT = Path(__file__).parents[3]


def test_measures_both_imports(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    command = ["importing", "--titles", "300", "--names", "100", "--principals", "900"]
    done = CliRunner().invoke(app, [*command, "--json"])
    assert done.exit_code == 0, done.stderr
    results = json.loads(done.stdout)
    for name in ("ours", "other"):
        assert results[name]["seconds"] > 0
        assert results[name]["peak_bytes"] > 2**20
    ratio, memory = results["comparisons"]
    assert ratio["value"] == results["ours"]["seconds"] / results["other"]["seconds"]
    assert memory["value"] == results["ours"]["peak_bytes"] / 2**20


def test_memory_includes_that_of_children() -> None:
    child = "held = bytearray(100_000_000); import time; time.sleep(0.5)"
    program = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}])"
    cost = run_measured([sys.executable, "-c", program])
    assert cost.peak_bytes > 100_000_000
    assert cost.seconds > 0.5


def test_reports_the_output_of_a_failed_command() -> None:
    with pytest.raises(BenchmarkFailed, match="failed with exit code 3: Not today"):
        run_measured([sys.executable, "-c", "print('Not today'); raise SystemExit(3)"])
