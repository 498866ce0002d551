import json
import os
import random
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from data_layer.database import Database
from data_layer.entities.movie_query import MovieFilter, MovieQuery
from data_layer.entities.seed import SeedState

pytestmark = pytest.mark.integration

PROCESSES, KILLED = 5, 2


def url_of(kind: str, request: pytest.FixtureRequest, folder: Path) -> str:
    if kind == "sqlite":
        return f"sqlite:///{folder / 'movies.db'}"
    url: str = request.getfixturevalue(f"{kind}_url")
    return url


def seed(url: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "data_fetcher"],
        env={**os.environ, "DATABASE_URL": url},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )


@pytest.mark.parametrize("kind", ["sqlite", "postgresql", "mariadb"])
def test_processes_that_are_killed_and_others_seed_each_film_once(
    kind: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    url = url_of(kind, request, tmp_path)
    chance = random.Random(kind)  # noqa: S311 - No secret.
    processes = [seed(url) for _ in range(PROCESSES)]
    for process in processes[:KILLED]:
        time.sleep(0.5 + chance.random())  # Somewhere between its start and its end.
        process.kill()
    for process in processes:
        _out, said = process.communicate(timeout=60)
        assert process.returncode == 0 or process in processes[:KILLED], said
    database = Database(url)
    with database.unit_of_work(is_read_only=True) as uow:
        states = Counter(planned.state for planned in uow.seeds.list())
        page = uow.movies.list(MovieQuery(limit=200, counts_total=True))
        of_drama = uow.movies.list(
            MovieQuery(filter=MovieFilter(genre="drama"), limit=200, counts_total=True)
        )
    database.close()
    films = [json.loads(movie.document) for movie in page.movies]
    assert states == {SeedState.STORED: 100}
    assert page.total == len(films) == len({film["imdb_id"] for film in films}) == 100
    for linked in ("genres", "directors", "cast"):  # A few films have none, at the source.
        assert sum(bool(film[linked]) for film in films) > 90
    dramas = [film for film in films if "Drama" in film["genres"]]
    assert of_drama.total == len(of_drama.movies) == len(dramas) > 10
