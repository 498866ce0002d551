import importlib.util
import json
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from data_fetcher.emulator.movies import MOVIES_FILE
from scripts import build_movies

ROWS = [
    ("tt0000001", "Known", 1950, "1950-01-01", 95.0, "Ann, Bob", 90),
    ("tt0000002", "Known", 1999, "1999-05-02", None, "", 7),
    ("tt0000003", "Known", 2001, None, None, "Cid", 2),
    ("tt0000004", "Obscure", 1951, None, None, "Dan", 1),
    ("tt0000001", "Known", 1950, "1950-01-01", 95.0, "Ann, Bob", 90),
]


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Return a small database with the schema of the source."""
    path = tmp_path / "source.db"
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.executescript(
            """CREATE TABLE omdb (ID, imdbID, Title, Year, Rating, Runtime, Genre, Released,
                   Director, Writer, "Cast", Metacritic, Language, Country, Awards);
               CREATE TABLE tomatoes (ID, Meter, Reviews, BoxOffice, Production);"""
        )
        for number, (imdb_id, title, year, released, runtime, cast, reviews) in enumerate(ROWS):
            connection.execute(
                "INSERT INTO omdb VALUES (?, ?, ?, ?, NULL, ?, 'Drama', ?, 'Eve', '', ?, 70, "
                "'English', NULL, NULL)",
                (number, imdb_id, title, year, runtime, released, cast),
            )
            connection.execute(
                "INSERT INTO tomatoes VALUES (?, 80, ?, 1000.0, NULL)", (number, reviews)
            )
    return path


def test_selects_the_most_reviewed_movies_and_those_with_the_same_titles(
    source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(build_movies, "MOVIES_PER_DECADE", 1)
    monkeypatch.setattr(build_movies, "ALWAYS_INCLUDED", frozenset({"tt0000002"}))
    chosen = build_movies.choose(build_movies.read_source(source))
    assert [row["imdb_id"] for row in chosen] == ["tt0000001", "tt0000002", "tt0000003"]


def test_omits_unknown_fields(source: Path) -> None:
    movies = {
        row["imdb_id"]: build_movies.to_movie(row) for row in build_movies.read_source(source)
    }
    assert movies["tt0000001"] == {
        "imdb_id": "tt0000001",
        "title": "Known",
        "year": 1950,
        "runtime_minutes": 95,
        "genres": ["Drama"],
        "directors": ["Eve"],
        "cast": ["Ann", "Bob"],
        "languages": ["English"],
        "tomatometer": 80,
        "metascore": 70,
        "box_office_usd": 1000,
        "reviews": 90,
    }
    assert movies["tt0000002"]["released"] == "1999-05-02"
    assert "cast" not in movies["tt0000002"]


def test_the_file_in_the_repository_equals_the_output_of_the_script(tmp_path: Path) -> None:
    target = tmp_path / "movies.json"
    command = [sys.executable, "-m", "scripts.build_movies", str(target)]
    subprocess.run(command, cwd=Path(__file__).parents[2], check=True, capture_output=True)
    assert target.read_bytes() == MOVIES_FILE.read_bytes()
    assert json.loads(target.read_bytes())["licence"].startswith("CC0")


def test_a_missing_source_is_reported_without_a_traceback(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(SystemExit) as raised:
        build_movies.main()
    assert raised.value.code == 2
    assert "make setup-dev" in capsys.readouterr().err
