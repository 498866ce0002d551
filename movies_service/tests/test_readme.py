import re
import subprocess
import sys
from pathlib import Path

import pytest

from common.cli.exit_codes import ExitCode
from data_fetcher.emulator.movies import load_films
from movies_service.http_semantics.problem_details import _STATUSES
from movies_service.tests.service_process import running

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")

DIVIDER = "-- next --"


def read_tour() -> list[tuple[str, str]]:
    """Each command of README's tour, with what stands below it."""
    steps: list[tuple[str, str]] = []
    for block in re.findall(r"```console\n(.*?)```", README, re.DOTALL):
        for line in block.splitlines():
            if line.startswith("$ "):
                steps.append((line[2:], ""))
            else:
                command, below = steps.pop()
                steps.append((command, f"{below}{line}\n"))
    return steps


@pytest.mark.integration
def test_the_tour_gives_what_readme_prints(tmp_path: Path) -> None:
    steps = read_tour()
    assert len(steps) >= 10
    with running(tmp_path) as service:
        url = service.url()
        service.read_until("Ready. Try:")
        script = f"\necho '{DIVIDER}'\n".join(command for command, _below in steps)
        script = script.replace("http://127.0.0.1:8080", url)
        script = script.replace(".venv/bin/python", sys.executable)
        shown = subprocess.run(
            ["sh", "-c", script],
            cwd=ROOT,
            env={"PATH": "/usr/bin:/bin", "DATABASE_URL": f"sqlite:///{tmp_path / 'movies.db'}"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=True,
        ).stdout
    assert shown.split(f"{DIVIDER}\n") == [below for _command, below in steps]


def test_readme_lists_every_error_and_exit_code() -> None:
    codes = [kind.code for kind, _status in _STATUSES]
    assert [code for code in codes if f"`{code}`" not in README] == []
    assert [code for code in ExitCode if f"\n| {code} | " not in README] == []


def test_every_link_of_the_documentation_leads_somewhere() -> None:
    broken = [
        (page.name, target)
        for page in [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
        for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text(encoding="utf-8"))
        if not (page.parent / target).exists()
    ]
    assert broken == []


def test_readme_knows_how_many_films_the_emulator_has() -> None:
    assert f"knows {len(load_films())} films" in README


def test_every_test_that_the_threat_model_names_is_there() -> None:
    named = set(re.findall(r"`(test_[a-z_]+)`", (ROOT / "docs/security.md").read_text()))
    tests = "".join(path.read_text() for path in ROOT.glob("*/tests/test_*.py"))
    assert len(named) > 20
    assert [name for name in sorted(named) if f"def {name}(" not in tests] == []
