import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from common.benchmark import __main__ as command
from common.benchmark.__main__ import app
from common.benchmark.databases import ONE, ONE_WITH_ROOM, TWO
from common.benchmark.results import TEXTBOOK, UNCACHED

pytestmark = pytest.mark.integration

ROOT = Path(__file__).parents[3]
QUICK = ("--films", "30", "--rounds", "1", "--seconds", "0.1")


def test_measures_the_service_on_a_server(
    monkeypatch: pytest.MonkeyPatch, postgresql_url: str
) -> None:
    monkeypatch.chdir(ROOT)
    done = CliRunner().invoke(app, ["database", "--url", postgresql_url, *QUICK, "--json"])
    assert done.exit_code == 0, done.stderr
    results = json.loads(done.stdout)
    assert (results["kind"], results["films"]) == ("postgresql", 30)
    assert set(results["apart"]) == {UNCACHED, TEXTBOOK}
    assert set(results["together"]) == {ONE, ONE_WITH_ROOM, TWO}
    cells = [*results["apart"].values(), *results["together"].values()]
    assert all(cell["requests_per_second"]["median"] > 0 for cell in cells)
    assert not any(cell["errors"] for cell in cells)
    assert [finding["value"] > 0 for finding in results["findings"]] == [True] * 3


def test_shows_what_making_the_load_has_cost(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(ROOT)
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setattr(command, "installed_tool", lambda: "own client")  # It can be brief.
    done = CliRunner().invoke(app, ["database", "--url", f"sqlite:///{tmp_path / 'x.db'}", *QUICK])
    assert done.exit_code == 0, done.stderr
    assert "load, us a request" in done.stdout
    assert "uncached page on sqlite, against textbook" in done.stdout
    for name in (ONE, ONE_WITH_ROOM, TWO):
        assert name in done.stdout


def test_a_database_that_is_not_there_ends_the_command_with_a_sentence(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'missing' / 'x.db'}"
    done = CliRunner().invoke(app, ["database", "--url", url, *QUICK])
    assert done.exit_code == 1
    assert "check DATABASE_URL" in done.stderr
