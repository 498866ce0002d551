"""Changing films, and fetching them again."""

import dataclasses
from collections.abc import Callable

import pytest
from fastapi.testclient import TestClient

from common.errors import UpstreamTimeout
from data_layer.database import Database
from data_layer.entities.movie import MovieFacts, Rating
from data_layer.entities.scope import Scope
from movies_service.tests.conftest import SmallOmdb, store

ALIEN = MovieFacts(
    title="Alien",
    imdb_id="tt0078748",
    year=1979,
    plot="In space.",
    genres=("Horror",),
    cast=("Sigourney Weaver",),
    ratings=(Rating("Metacritic", "89/100"),),
)
MERGE = "application/merge-patch+json"


@pytest.fixture
def writer(api_key_of: Callable[..., str]) -> dict[str, str]:
    """The headers of somebody who may change films."""
    return {"X-API-Key": api_key_of(Scope.MOVIES_WRITE), "Content-Type": MERGE}


def test_what_is_absent_stays_and_null_clears(
    client: TestClient, database: Database, writer: dict[str, str]
) -> None:
    store(database.unit_of_work, ALIEN)
    before = client.get("/movies/1").json()
    patch = {
        "plot": None,
        "year": 1980,
        "genres": None,
        "cast": [],
        "released": "1979-05-25",
        "imdb_rating": 8.5,
        "ratings": [{"source": "Us", "value": "10"}],
    }
    answer = client.patch("/movies/tt0078748", json=patch, headers=writer)
    expected = before | patch | {"genres": []}
    assert (answer.status_code, answer.json()) == (200, expected)
    assert answer.headers["cache-control"] == "no-store"
    read = client.get("/movies/1")
    assert read.json() == expected
    assert read.headers["etag"] == answer.headers["etag"]
    assert client.get("/movies?year=1980").json()["total"] == 1
    assert client.get("/movies?genre=horror").json()["total"] == 0


def test_a_patch_that_changes_nothing_is_no_change(
    client: TestClient, database: Database, writer: dict[str, str]
) -> None:
    store(database.unit_of_work, ALIEN)
    answer = client.patch("/movies/1", json={"year": 1979}, headers=writer)
    assert answer.headers["catalogue-revision"] == "1"
    assert client.patch("/movies/1", json={}, headers=writer).status_code == 200
    with database.unit_of_work(is_read_only=True) as uow:
        assert uow.movies.revision() == 1


@pytest.mark.parametrize("encoding", ["identity", "gzip", "br"])
def test_nobody_overwrites_what_they_have_not_seen(
    client: TestClient, database: Database, writer: dict[str, str], encoding: str
) -> None:
    store(database.unit_of_work, dataclasses.replace(ALIEN, plot="long " * 200))
    etag = client.get("/movies/1", headers={"Accept-Encoding": encoding}).headers["etag"]
    first = client.patch("/movies/1", json={"year": 1}, headers=writer | {"If-Match": etag})
    assert first.status_code == 422
    first = client.patch("/movies/1", json={"year": 1980}, headers=writer | {"If-Match": etag})
    assert first.status_code == 200
    for stale in (etag, f"W/{first.headers['etag']}", '"x"', "x"):
        headers = writer | {"If-Match": stale}
        late = client.patch("/movies/1", json={"year": 1981}, headers=headers)
        assert (late.status_code, late.json()["code"]) == (412, "precondition-failed")
    for current in (f'"x", {first.headers["etag"]}', "*"):
        headers = writer | {"If-Match": current}
        assert client.patch("/movies/1", json={"year": 1980}, headers=headers).status_code == 200


def test_nobody_removes_what_they_have_not_seen(
    client: TestClient, database: Database, api_key: str
) -> None:
    store(database.unit_of_work, ALIEN)
    headers = {"X-API-Key": api_key}
    etag = client.get("/movies/1").headers["etag"]
    stale = client.delete("/movies/1", headers=headers | {"If-Match": '"x"'})
    assert stale.status_code == 412
    assert client.delete("/movies/1", headers=headers | {"If-Match": etag}).status_code == 204


@pytest.mark.parametrize(
    ("patch", "field"),
    [
        ({"title": None}, "body.title"),
        ({"type": None}, "body.type"),
        ({"title": " "}, "body.title"),
        ({"title": "a\x00"}, "body.title"),
        ({"id": 7}, "body"),
        ({"self_url": "/x"}, "body"),
        ({"stars": 5}, "body"),
        ({"year": "1979"}, "body.year"),
        ({"type": "play"}, "body.type"),
        ({"imdb_id": "78748"}, "body.imdb_id"),
        ({"cast": "Sigourney Weaver"}, "body.cast"),
        ({"cast": [None]}, "body.cast.0"),
        ({"ratings": [{"source": "Us"}]}, "body.ratings.0.value"),
        ({"poster_url": "javascript:alert(1)"}, "body.poster_url"),
        ({"released": "yesterday"}, "body.released"),
        ([], "body"),
    ],
)
def test_a_wrong_patch_changes_nothing(
    client: TestClient, database: Database, writer: dict[str, str], patch: object, field: str
) -> None:
    store(database.unit_of_work, ALIEN)
    before = client.get("/movies/1").content
    answer = client.patch("/movies/1", json=patch, headers=writer)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == field
    assert client.get("/movies/1").content == before


def test_half_of_a_surrogate_pair_is_no_text(
    client: TestClient, database: Database, writer: dict[str, str]
) -> None:
    store(database.unit_of_work, ALIEN)
    answer = client.patch("/movies/1", content=b'{"plot": "\\ud800"}', headers=writer)
    assert (answer.status_code, answer.json()["code"]) == (400, "malformed-body")


def test_a_patch_needs_a_film_a_scope_and_a_known_form(
    client: TestClient, database: Database, writer: dict[str, str], api_key: str
) -> None:
    store(database.unit_of_work, ALIEN, MovieFacts(title="Other"))
    year = {"year": 1980}
    assert client.patch("/movies/1", json=year).status_code == 401
    assert client.patch("/movies/1", json=year, headers={"X-API-Key": api_key}).status_code == 403
    assert client.patch("/movies/9", json=year, headers=writer).status_code == 404
    assert client.patch("/movies/Alien", json=year, headers=writer).status_code == 422
    text = writer | {"Content-Type": "text/plain"}
    assert client.patch("/movies/1", json=year, headers=text).status_code == 415
    plain = writer | {"Content-Type": "application/json"}
    assert client.patch("/movies/1", json=year, headers=plain).status_code == 200
    taken = client.patch("/movies/2", json={"imdb_id": "tt0078748"}, headers=writer)
    assert (taken.status_code, taken.json()["code"]) == (409, "conflict")


def test_a_film_is_fetched_again(
    client: TestClient, database: Database, omdb: SmallOmdb, writer: dict[str, str]
) -> None:
    home = MovieFacts(title="Home Video", year=1999)
    store(database.unit_of_work, ALIEN, home)
    omdb.films = [
        dataclasses.replace(ALIEN, imdb_votes=1_000_000, plot=None),
        dataclasses.replace(home, runtime_minutes=3),
    ]
    answer = client.post("/movies/1/refresh", headers=writer)
    assert (answer.status_code, answer.json()["imdb_votes"]) == (200, 1_000_000)
    assert client.get("/movies/1").json() == answer.json()
    assert answer.json()["plot"] is None
    by_title = client.post("/movies/2/refresh", headers=writer)
    assert by_title.json()["runtime_minutes"] == 3


def test_what_cannot_be_fetched_stays_as_it_is(
    client: TestClient, database: Database, omdb: SmallOmdb, writer: dict[str, str]
) -> None:
    store(database.unit_of_work, ALIEN)
    before = client.get("/movies/1").content
    assert client.post("/movies/1/refresh").status_code == 401
    assert client.post("/movies/9/refresh", headers=writer).status_code == 404
    assert omdb.calls == 0
    assert client.post("/movies/1/refresh", headers=writer).status_code == 404
    omdb.error = UpstreamTimeout("OMDb did not answer in time.")
    assert client.post("/movies/1/refresh", headers=writer).status_code == 504
    assert client.get("/movies/1").content == before
