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

pytestmark = pytest.mark.integration

ROOT = Path(__file__).parents[2]


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A database that is not there yet."""
    path = tmp_path / "movies.db"
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{path}")
    monkeypatch.chdir(tmp_path)
    return path


@pytest.fixture
def omdb_url(request: pytest.FixtureRequest) -> Iterator[str]:
    """The URL of an emulator in another process, with the options of the parameter."""
    command = [sys.executable, "-m", "data_fetcher.emulator", "--port", "0", *request.param]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield process.stdout.readline().split()[-1]
        process.terminate()


def count(path: Path, table: str = "movies") -> int:
    """The rows of a table."""
    with closing(sqlite3.connect(path)) as connection:
        (number,) = connection.execute(f"SELECT count(*) FROM {table}").fetchone()  # noqa: S608 - Our own tables.
    return int(number)


def seed(*arguments: str, code: int = 0) -> str:
    """Run the command in this process, and return what it prints."""
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == code, result.output
    return result.output


def test_seeds_a_hundred_films_once(path: Path) -> None:
    assert "100 films stored in" in seed()
    assert "Nothing to do" in seed()
    assert count(path) == 100


def test_the_result_can_be_read_by_programs(path: Path) -> None:
    result: dict[str, Any] = json.loads(seed("--json", "--concurrency", "5").splitlines()[-1])
    assert result["stored"] == 100
    assert result["attempts"] == {"fetched": 100}
    assert (result["failed"], result["pending"]) == ([], [])


@pytest.mark.parametrize(
    "omdb_url",
    [["--fault", "not-found", "--fault-for", "tt0078748"]],
    indirect=True,
)
def test_a_film_that_is_not_there_is_named(
    path: Path, omdb_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMDB_URL", omdb_url)
    monkeypatch.setenv("OMDB_API_KEY", "key")
    output = seed(code=3)
    assert "Alien (tt0078748): OMDb has no such movie." in output
    assert "1 films are not at OMDb" in output
    assert count(path) == 99


@pytest.mark.parametrize("omdb_url", [["--key", "right"]], indirect=True)
def test_a_wrong_key_is_said_and_mended(
    path: Path, omdb_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMDB_URL", omdb_url)
    monkeypatch.setenv("OMDB_API_KEY", "hunter2")
    output = seed(code=4)
    assert "check OMDB_API_KEY" in output
    assert "100 films could not be fetched" in output
    assert "hunter2" not in output
    result = json.loads(seed("--json", code=4).splitlines()[-1])
    assert {film["reason"] for film in result["pending"]} == {
        "OMDb does not accept the API key: check OMDB_API_KEY."
    }
    monkeypatch.setenv("OMDB_API_KEY", "right")
    assert "100 films stored" in seed()
    assert count(path) == 100


def test_a_wrong_setting_is_a_sentence(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOVIES_LOG_LEVEL", "loud")
    assert "Error: MOVIES_LOG_LEVEL" in seed(code=2)


def test_processes_that_start_at_once_seed_once(path: Path) -> None:
    command = [sys.executable, "-m", "data_fetcher", "--json"]
    processes = [
        subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        for _ in range(3)
    ]
    results = [json.loads(process.communicate()[0]) for process in processes]
    assert sorted(result["stored"] for result in results) == [0, 0, 100]
    assert sum(result["attempts"].get("fetched", 0) for result in results) == 100
    assert count(path) == 100


@pytest.mark.parametrize("omdb_url", [["--latency-ms", "30"]], indirect=True)
def test_a_seeding_that_is_killed_ends_with_a_hundred_whole_films(
    path: Path, omdb_url: str
) -> None:
    environment = {**os.environ, "OMDB_URL": omdb_url, "OMDB_API_KEY": "key"}
    command = [sys.executable, "-m", "data_fetcher", "--concurrency", "5"]
    for wanted in (1, 30, 60, 90):
        with subprocess.Popen(
            command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        ) as process:
            while process.poll() is None and not (path.exists() and _stored(path) >= wanted):
                time.sleep(0.002)
            process.kill()
    subprocess.run(command, cwd=ROOT, env=environment, check=True, capture_output=True)
    assert count(path) == 100
    with closing(sqlite3.connect(path)) as connection:
        half = connection.execute(
            "SELECT count(*) FROM movies"
            " WHERE document = '' OR json_extract(document, '$.id') <> id"
            " OR json_array_length(document, '$.cast') <>"
            " (SELECT count(*) FROM credits WHERE movie_id = movies.id AND role = 'cast')"
        ).fetchone()
    assert half == (0,)


def _stored(path: Path) -> int:
    try:
        return count(path)
    except sqlite3.OperationalError:
        return 0
