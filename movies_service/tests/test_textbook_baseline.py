import json
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from common.benchmark.baselines import textbook
from data_layer.database import Database
from data_layer.entities.movie import MovieFacts, Rating

MOVIES = [
    MovieFacts(
        title=f"Movie {number:02}",
        imdb_id=f"tt{number:07}",
        year=1990 + number % 2,
        genres=("Drama", "Crime")[: 1 + number % 2],
        directors=("Ada Lovelace",),
        writers=("Ada Lovelace", "Mary Shelley"),
        cast=("Zoë Bell", f"Extra {number}"),
        ratings=(Rating("Metacritic", "50/100"),),
        languages=("English",),
    )
    for number in range(12)
]


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch, database: Database, tmp_path: Path) -> TestClient:
    with database.bulk_load() as load:
        load.add_many(MOVIES)
    monkeypatch.setenv(textbook.DATABASE_VARIABLE, f"sqlite:///{tmp_path / 'movies.db'}")
    return TestClient(textbook.create_app())


def test_movie_equals_that_of_the_service(client: TestClient, database: Database) -> None:
    with database.unit_of_work() as uow:
        expected = json.loads(uow.movies.get(3).document)
    missing = {"self_url", "end_year"}
    assert client.get("/movies/3").json() == {
        name: value for name, value in expected.items() if name not in missing
    }
    assert client.get("/movies/by-title/MOVIE 02").json()["id"] == 3
    assert client.get("/movies/99").status_code == 404


@pytest.mark.parametrize(
    ("query", "total", "first"),
    [
        ("", 12, "Movie 00"),
        ("?page=2", 12, "Movie 10"),
        ("?title=movie 07", 1, "Movie 07"),
        ("?year=1991", 6, "Movie 01"),
        ("?genre=crime", 6, "Movie 01"),
        ("?cast=zoe bell", 12, "Movie 00"),
        ("?cast=ada lovelace", 0, None),
    ],
)
def test_lists_filtered_movies(
    client: TestClient, query: str, total: int, first: str | None
) -> None:
    page = client.get(f"/movies{query}").json()
    assert page["total"] == total
    assert next((movie["title"] for movie in page["movies"]), None) == first
