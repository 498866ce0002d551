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
from data_layer.entities.fetch import FetchState
from data_layer.entities.movie_query import MovieFilter, MovieQuery

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


@pytest.mark.kills
@pytest.mark.parametrize("kind", ["sqlite", "postgresql", "mariadb"])
def test_concurrent_processes_seed_each_movie_once_despite_kills(
    kind: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    url = url_of(kind, request, tmp_path)
    delays = random.Random(kind)  # noqa: S311 - Not for cryptography.
    processes = [seed(url) for _ in range(PROCESSES)]
    for process in processes[:KILLED]:
        time.sleep(0.5 + delays.random())  # Between its start and its end.
        process.kill()
    for process in processes:
        _stdout, stderr = process.communicate(timeout=60)
        assert process.returncode == 0 or process in processes[:KILLED], stderr
    database = Database(url)
    with database.unit_of_work(is_read_only=True) as uow:
        states = Counter(seed.state for seed in uow.fetches.list_seeds())
        page = uow.movies.list(MovieQuery(limit=200, counts_total=True))
        found = uow.movies.list(
            MovieQuery(filter=MovieFilter(genre="drama"), limit=200, counts_total=True)
        )
    database.close()
    movies = [json.loads(movie.document) for movie in page.movies]
    assert states == {FetchState.FETCHED: 100}
    assert page.total == len(movies) == len({movie["imdb_id"] for movie in movies}) == 100
    for relation in ("genres", "directors", "cast"):  # The source lacks them for a few movies.
        assert sum(bool(movie[relation]) for movie in movies) > 90
    dramas = [movie for movie in movies if "Drama" in movie["genres"]]
    assert found.total == len(found.movies) == len(dramas) > 10
