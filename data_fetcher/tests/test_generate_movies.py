import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from data_fetcher.cli.generate_movies import fill
from data_layer.database import Database
from data_layer.entities.movie_query import MovieQuery

pytestmark = pytest.mark.integration


def synthesise(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "data_fetcher.cli.generate_movies", *arguments],
        env={**os.environ, "DATABASE_URL": f"sqlite:///{folder / 'movies.db'}"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def total(folder: Path) -> int | None:
    database = Database(f"sqlite:///{folder / 'movies.db'}")
    with database.unit_of_work() as uow:
        page = uow.movies.list(MovieQuery(counts_total=True))
    database.close()
    return page.total


def test_fills_a_new_catalogue_and_then_adds_to_it(tmp_path: Path) -> None:
    done = synthesise(tmp_path, "--films", "1200")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("1,200 films stored in ")
    assert "1200/1200" in done.stderr
    assert total(tmp_path) == 1200
    done = synthesise(tmp_path, "--films", "10", "--no-links", "--json")
    report = json.loads(done.stdout)
    assert report["films"] == 10
    assert report["storing_seconds"] > 0
    assert total(tmp_path) == 1210


def test_the_same_seed_fills_alike(database: Database, tmp_path: Path) -> None:
    fill(database, 30, seed=7, is_linked=True)
    other = Database(f"sqlite:///{tmp_path / 'other.db'}")
    other.migrate()
    fill(other, 30, seed=7, is_linked=True)
    with database.unit_of_work() as ours, other.unit_of_work() as theirs:
        assert ours.movies.list(MovieQuery()) == theirs.movies.list(MovieQuery())
    other.close()


def test_says_what_is_wrong(tmp_path: Path) -> None:
    assert synthesise(tmp_path, "--films", "0").returncode == 2
    missing = synthesise(tmp_path / "missing", "--films", "1")
    assert missing.returncode == 5
    assert missing.stderr == (
        "Error: The database's folder is missing or can't be written to: check DATABASE_URL, or the"
        " URL that was given.\n"
    )
