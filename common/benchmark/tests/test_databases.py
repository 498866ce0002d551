import json
import shutil
from contextlib import nullcontext
from pathlib import Path

import pytest
from typer.testing import CliRunner

from common.benchmark import __main__ as command
from common.benchmark import databases, targets
from common.benchmark.__main__ import app
from common.benchmark.databases import ONE, ONE_WITH_ROOM, TWO, DatabaseResults
from common.benchmark.measurement import Measurement
from common.benchmark.processors import Processors
from common.benchmark.results import TEXTBOOK, UNCACHED
from common.benchmark.servers import CommandFor, Server
from common.benchmark.tests.conftest import measurement
from common.benchmark.workload import Read

pytestmark = pytest.mark.integration

ROOT = Path(__file__).parents[3]
QUICK = ("--movies", "30", "--rounds", "1", "--seconds", "0.1")


@pytest.fixture(autouse=True)
def empty_catalogue(monkeypatch: pytest.MonkeyPatch, migrated_file: Path) -> None:
    """Copy an empty catalogue, without generating movies."""
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(
        databases, "generate_catalogue", lambda file, _movies: shutil.copy(migrated_file, file)
    )


def test_measures_the_service_on_a_server(
    monkeypatch: pytest.MonkeyPatch, postgresql_url: str, stand_in: Server
) -> None:
    started: list[tuple[str, ...]] = []

    def stand_in_for(
        command_for: CommandFor,
        _path: str,
        _log: Path,
        *,
        environment: dict[str, str],
        processors: Processors,
    ) -> nullcontext[Server]:
        cache, processes = (
            environment.get(f"MOVIES_{name}", "") for name in ("CACHE", "PROCESSES")
        )
        started.append((command_for(0)[2], cache, processes))
        assert postgresql_url in environment.values()
        return nullcontext(stand_in)

    monkeypatch.setattr(targets, "served", stand_in_for)
    done = CliRunner().invoke(app, ["database", "--url", postgresql_url, *QUICK, "--json"])
    assert done.exit_code == 0, done.stderr
    service = "movies_service"
    assert started == [
        (service, "off", "1"),
        ("uvicorn", "", ""),
        (service, "on", "1"),
        (service, "on", "1"),
        (service, "on", "2"),
    ]
    results = json.loads(done.stdout)
    assert (results["kind"], results["movies"]) == ("postgresql", 30)
    assert set(results["apart"]) == {UNCACHED, TEXTBOOK}
    assert set(results["together"]) == {ONE, ONE_WITH_ROOM, TWO}
    measurements = [*results["apart"].values(), *results["together"].values()]
    assert all(measurement["requests_per_second"]["median"] > 0 for measurement in measurements)
    assert not any(measurement["errors"] for measurement in measurements)
    assert [comparison["value"] > 0 for comparison in results["comparisons"]] == [True] * 3


def test_shows_the_cpu_time_of_the_load_generator(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def measured(*targets: str) -> dict[str, Measurement]:
        return {target: measurement(target, 30, Read.FIRST_PAGE, 1_000) for target in targets}

    results = DatabaseResults(
        "sqlite", 30, 0.5, measured(UNCACHED, TEXTBOOK), measured(ONE, ONE_WITH_ROOM, TWO)
    )
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setattr(command, "measure_database", lambda *_args: results)
    done = CliRunner().invoke(app, ["database", "--url", f"sqlite:///{tmp_path / 'x.db'}", *QUICK])
    assert done.exit_code == 0, done.stderr
    assert "load CPU us/request" in done.stdout
    assert "uncached page on sqlite, against textbook" in done.stdout
    for name in (ONE, ONE_WITH_ROOM, TWO):
        assert name in done.stdout


def test_reports_a_missing_database(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'missing' / 'x.db'}"
    done = CliRunner().invoke(app, ["database", "--url", url, *QUICK])
    assert done.exit_code == 1
    assert "check DATABASE_URL" in done.stderr
