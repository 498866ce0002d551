import json
import subprocess
from pathlib import Path

import pytest

from common.tests.in_process import run_in_process
from data_fetcher.cli.app import app
from data_fetcher.cli.generate_movies import generate
from data_layer.database import Database
from data_layer.entities.movie_query import MovieQuery

pytestmark = pytest.mark.integration


def run_command(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {"DATABASE_URL": f"sqlite:///{folder / 'movies.db'}"}
    return run_in_process(app, ["generate-movies", *arguments], environment)


def total(folder: Path) -> int | None:
    database = Database(f"sqlite:///{folder / 'movies.db'}")
    with database.unit_of_work() as uow:
        page = uow.movies.list(MovieQuery(counts_total=True))
    database.close()
    return page.total


def test_fills_an_empty_catalogue_and_adds_to_it(tmp_path: Path) -> None:
    done = run_command(tmp_path, "--movies", "1200")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("1,200 movies stored in ")
    assert "1200/1200" in done.stderr
    assert total(tmp_path) == 1200
    done = run_command(tmp_path, "--movies", "10", "--without-relations", "--json")
    report = json.loads(done.stdout)
    assert report["movies"] == 10
    assert report["storing_seconds"] > 0
    assert total(tmp_path) == 1210


def test_the_same_seed_produces_the_same_catalogue(database: Database, tmp_path: Path) -> None:
    generate(database, 30, seed=7, has_relations=True)
    other = Database(f"sqlite:///{tmp_path / 'other.db'}")
    other.migrate()
    generate(other, 30, seed=7, has_relations=True)
    with database.unit_of_work() as ours, other.unit_of_work() as theirs:
        assert ours.movies.list(MovieQuery()) == theirs.movies.list(MovieQuery())
    other.close()


def test_reports_errors(tmp_path: Path) -> None:
    assert run_command(tmp_path, "--movies", "0").returncode == 2
    missing = run_command(tmp_path / "missing", "--movies", "1")
    assert missing.returncode == 5
    assert missing.stderr == (
        "Error: The database folder is missing or not writable: check DATABASE_URL or the given"
        " URL.\n"
    )
