import asyncio
import itertools
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from urllib.parse import quote

import pytest
from fastapi.testclient import TestClient

from data_fetcher.omdb.admission import Purpose
from data_fetcher.omdb.lookups import MovieLookup
from data_layer.database import Database
from data_layer.entities.movie import MovieFacts, Rating
from data_layer.entities.scope import Scope
from movies_service.accounts.api_keys import ApiKeys
from movies_service.tests.conftest import SmallOmdb, new_client, store
from movies_service.tests.service_process import url_of

pytestmark = pytest.mark.integration

# Not formatted, like FILTERS: lists, not columns.
TITLES = [
    "Amélie", "AMELIE", "Alien", "alien ", "Zodiac", "zoë", "Łódź", "Lodz", "Straße", "STRASSE",
    "İstanbul", "istanbul", "Iıi", "七人の侍", "기생충", "🎬", "🎬 Two", "É", "E", "e\u0301",
    "100%", "a_b", "a b", "Face/Off", "8½", "1917", "Ωmega", "Я", "я", "ÿ", "~", "_", "-",
    "'Round Midnight", "It's \"Quoted\"", "Back\\slash",
]  # fmt: skip  # A table is easier to read in long lines.
MOVIES = [
    MovieFacts(
        title=title,
        imdb_id=f"tt{number:07}",
        year=None if number % 5 == 0 else 1990 + number % 4,
        genres=("Drama", "Comédie", "Sci-Fi")[: number % 4],
        cast=("Zoë Bell", "Łukasz", "O'Brien")[number % 3 :],
        directors=("Ada",),
        plot="🎬 «naïve» \\ ' \" %s :x",
        imdb_rating=round(number / 7, 1),
        imdb_votes=number * 10**9,
        ratings=(Rating("Źródło", "5/10"),),
        languages=("日本語",),
    )
    for number, title in enumerate(TITLES, 1)
]
NEW = MovieFacts(title="Brazil", imdb_id="tt0088846", year=1985, genres=("Drama", "New"))
SORTS = ("title", "-title", "year", "-year", "id", "-id")
FILTERS = (
    "", "genre=comedie", "genre=DRAMA", "cast=zoe+bell", "cast=LUKASZ", "year=1991", "year=0",
    "genre=drama&year=1992", "cast=o'brien&genre=sci-fi", "genre=none", "title=amelie",
    "title=strasse", "title=istanbul", "title=E", "title=%F0%9F%8E%AC", "title=alien",
)  # fmt: skip  # A table is easier to read in long lines.


@pytest.fixture
def databases(
    database: Database, postgresql_url: str, mariadb_url: str
) -> Iterator[dict[str, Database]]:
    """Yield databases of all kinds with the same movies."""
    databases = {
        "sqlite": database,
        "postgresql": Database(postgresql_url),
        "mariadb": Database(mariadb_url),
    }
    for each in databases.values():
        store(each.unit_of_work, *MOVIES)
    yield databases
    for each in databases.values():
        each.close()


def converse(client: TestClient, secret: str) -> Iterator[tuple[str, int, dict[str, str], bytes]]:
    """Send all requests to compare, including changes, and yield path, status, headers and body."""
    lists = [
        f"/movies?{query}&sort={sort}&limit={limit}".replace("?&", "?")
        for query, sort, limit in itertools.product(FILTERS, SORTS, (7, 100))
    ]
    movies = [f"/movies/{quote(title)}" for title in [*TITLES, "amelie", "strasse", "none", "LODZ"]]
    others = [
        "/movies/3",
        "/movies/999",
        "/movies/tt0000005",
        "/movies?page=2&limit=9",
        "/movies?x=1",
    ]
    added = {"imdb_id": NEW.imdb_id}
    for _ in range(2):
        for path in [*lists, *movies, *others]:
            url: str | None = path
            while url is not None:
                response = client.get(url)
                yield url, response.status_code, dict(response.headers), response.content
                url = response.json().get("next_url")
        for path in ("/movies/2", "/movies/tt0000009", "/movies/2"):
            response = client.delete(path, headers={"X-API-Key": secret})
            yield path, response.status_code, {}, b""
        response = client.post("/movies", json=added)
        yield (
            "added",
            response.status_code,
            {"location": response.headers["location"]},
            response.content,
        )


def test_responses_are_identical_on_every_database(databases: dict[str, Database]) -> None:
    with ExitStack() as stack:
        conversations = {}
        for name, database in databases.items():
            client = stack.enter_context(new_client(database, SmallOmdb([NEW])))
            client.headers["X-Request-ID"] = "compared"
            secret = ApiKeys(database.unit_of_work).create("robot", {Scope.MOVIES_DELETE}).secret
            conversations[name] = converse(client, secret)
        compared = 0
        for sqlite, postgresql, mariadb in zip(*conversations.values(), strict=True):
            assert postgresql == sqlite
            assert mariadb == sqlite
            compared += 1
    assert compared > 600


class SlowOmdb(SmallOmdb):
    async def fetch(
        self, lookup: MovieLookup, purpose: Purpose = Purpose.INTERACTIVE
    ) -> MovieFacts:
        await asyncio.sleep(0.3)
        return await super().fetch(lookup, purpose)


def test_requests_for_one_movie_to_two_apps_cause_one_call(any_database: Database) -> None:
    omdb = SlowOmdb([NEW])
    with (
        closing(Database(url_of(any_database))) as other,
        new_client(any_database, omdb) as first,
        new_client(other, omdb) as second,
        ThreadPoolExecutor(20) as pool,
    ):
        for client in (first, second):  # FastAPI builds a route at its first request.
            assert client.post("/movies", json={}).status_code == 422

        def add(number: int) -> int:
            client = (first, second)[number % 2]
            return client.post("/movies", json={"imdb_id": NEW.imdb_id}).status_code

        assert sorted(pool.map(add, range(40))) == [200] * 39 + [201]
    assert omdb.calls == 1
