import json
import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from data_fetcher.cli.app import app
from data_fetcher.emulator.server import EmulatorOptions
from data_fetcher.tests.emulator_thread import emulator

pytestmark = pytest.mark.integration

ROOT = Path(__file__).parents[2]


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the path of a database that does not exist yet, and set it in the environment."""
    path = tmp_path / "movies.db"
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{path}")
    monkeypatch.chdir(tmp_path)
    return path


@pytest.fixture
def omdb_url(request: pytest.FixtureRequest) -> Iterator[str]:
    """Yield the URL of an emulator with the options of the parameter."""
    with emulator(request.param) as url:
        yield url


def count(path: Path, table: str = "movies") -> int:
    """Return the number of rows of a table."""
    with closing(sqlite3.connect(path)) as connection:
        (number,) = connection.execute(f"SELECT count(*) FROM {table}").fetchone()  # noqa: S608 - The names are constants.
    return int(number)


def last_object(output: str) -> str:
    """Return the last line that is a JSON object; the progress may be printed after it."""
    return [line for line in output.splitlines() if line.startswith("{")][-1]


def seed(*arguments: str, code: int = 0) -> str:
    """Run the command in this process, check its exit code, and return its output."""
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == code, result.output
    return result.output


def test_seeds_a_hundred_movies_once(path: Path) -> None:
    assert "100 movies stored in" in seed()
    assert "Nothing to do" in seed()
    assert count(path) == 100


def test_prints_the_result_as_json(path: Path) -> None:
    result: dict[str, Any] = json.loads(last_object(seed("--json", "--concurrency", "5")))
    assert result["stored"] == 100
    assert result["attempts"] == {"fetched": 100}
    assert (result["failed"], result["pending"]) == ([], [])


@pytest.mark.parametrize(
    "omdb_url",
    [EmulatorOptions(fault="not-found", fault_for=frozenset({"tt0078748"}))],
    indirect=True,
)
def test_a_movie_that_omdb_lacks_is_listed(
    path: Path, omdb_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMDB_URL", omdb_url)
    monkeypatch.setenv("OMDB_API_KEY", "key")
    output = seed(code=3)
    assert "Alien (tt0078748): OMDb has no such movie." in output
    assert "1 movies do not exist at OMDb" in output
    assert count(path) == 99


@pytest.mark.parametrize("omdb_url", [EmulatorOptions(key="right")], indirect=True)
def test_a_rejected_key_is_reported_and_can_be_corrected(
    path: Path, omdb_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMDB_URL", omdb_url)
    monkeypatch.setenv("OMDB_API_KEY", "hunter2")
    output = seed(code=4)
    assert "check OMDB_API_KEY" in output
    assert "100 movies could not be fetched" in output
    assert "hunter2" not in output
    result = json.loads(last_object(seed("--json", code=4)))
    assert {movie["reason"] for movie in result["pending"]} == {
        "OMDb rejected the API key: check OMDB_API_KEY, or remove it to use the bundled emulator."
    }
    monkeypatch.setenv("OMDB_API_KEY", "right")
    assert "100 movies stored" in seed()
    assert count(path) == 100


def test_an_invalid_setting_is_reported(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOVIES_LOG_LEVEL", "loud")
    assert "Error: MOVIES_LOG_LEVEL" in seed(code=2)


def test_concurrent_processes_seed_once(path: Path) -> None:
    command = [sys.executable, "-m", "data_fetcher", "--json"]
    processes = [
        subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        for _ in range(3)
    ]
    results = [json.loads(process.communicate()[0]) for process in processes]
    assert sorted(result["stored"] for result in results) == [0, 0, 100]
    assert sum(result["attempts"].get("fetched", 0) for result in results) == 100
    assert count(path) == 100


@pytest.mark.parametrize("omdb_url", [EmulatorOptions(latency_ms=30)], indirect=True)
def test_a_killed_seeding_resumes_and_stores_a_hundred_complete_movies(
    path: Path, omdb_url: str
) -> None:
    environment = {**os.environ, "OMDB_URL": omdb_url, "OMDB_API_KEY": "key"}
    command = [sys.executable, "-m", "data_fetcher", "--concurrency", "5"]
    for stored in (1, 30, 60, 90):
        with subprocess.Popen(
            command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        ) as process:
            while process.poll() is None and not (path.exists() and _stored(path) >= stored):
                time.sleep(0.002)
            process.kill()
    subprocess.run(command, cwd=ROOT, env=environment, check=True, capture_output=True)
    assert count(path) == 100
    with closing(sqlite3.connect(path)) as connection:
        incomplete = connection.execute(
            "SELECT count(*) FROM movies"
            " WHERE document = '' OR json_extract(document, '$.id') <> id"
            " OR json_array_length(document, '$.cast') <>"
            " (SELECT count(*) FROM credits WHERE movie_id = movies.id AND role = 'cast')"
        ).fetchone()
    assert incomplete == (0,)


def _stored(path: Path) -> int:
    try:
        return count(path)
    except sqlite3.OperationalError:
        return 0
