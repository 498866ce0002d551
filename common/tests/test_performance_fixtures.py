import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

MEASURED = """
from pathlib import Path

def test_parts(measure):
    with measure("adding") as cost:
        sum(range(1000))
    assert cost.wall_seconds > 0 and cost.peak_bytes >= cost.start_bytes

def test_all_of_it(performance):
    assert performance.start_bytes > 0

def test_unmeasured():
    pass
"""


def run(file: Path, *arguments: str) -> str:
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-p",
            "common.performance_fixtures",
            str(file),
            *arguments,
        ],
        cwd=file.parent,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


@pytest.mark.integration
def test_measurements_are_in_the_summary_and_in_the_report(tmp_path: Path) -> None:
    file = tmp_path / "test_measured.py"
    file.write_text(MEASURED)
    printed = run(file, "--junit-xml=report.xml")
    summary = printed.partition("= performance =")[2]
    assert "test_parts adding: " in summary
    assert "test_all_of_it whole test: " in summary
    assert " s CPU, " in summary
    assert "unmeasured" not in summary
    assert 'name="performance" value="adding: ' in (tmp_path / "report.xml").read_text()


@pytest.mark.integration
def test_summary_is_absent_without_measurements(tmp_path: Path) -> None:
    file = tmp_path / "test_unmeasured.py"
    file.write_text("def test_unmeasured(): pass")
    assert "performance" not in run(file)
