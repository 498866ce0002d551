"""Tests of changing and refreshing movies."""

import dataclasses
import json
from collections.abc import Callable

import pytest
from fastapi.exceptions import RequestValidationError
from fastapi.testclient import TestClient

from common.errors import UpstreamTimeout
from data_layer.database import Database
from data_layer.entities.movie import MovieFacts, Rating
from data_layer.entities.scope import Scope
from movies_service.api.dependencies.json_body import validate_body
from movies_service.api.schemas.movies import MoviePatchIn
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
    """Return the headers of a caller with the scope `movies:write`."""
    return {"X-API-Key": api_key_of(Scope.MOVIES_WRITE), "Content-Type": MERGE}


def test_absent_fields_stay_and_null_clears(
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
    response = client.patch("/movies/tt0078748", json=patch, headers=writer)
    expected = before | patch | {"genres": []}
    assert (response.status_code, response.json()) == (200, expected)
    assert response.headers["cache-control"] == "no-store"
    read = client.get("/movies/1")
    assert read.json() == expected
    assert read.headers["etag"] == response.headers["etag"]
    assert client.get("/movies?year=1980").json()["total"] == 1
    assert client.get("/movies?genre=horror").json()["total"] == 0


def test_a_patch_without_changes_creates_no_revision(
    client: TestClient, database: Database, writer: dict[str, str]
) -> None:
    store(database.unit_of_work, ALIEN)
    response = client.patch("/movies/1", json={"year": 1979}, headers=writer)
    assert response.headers["catalogue-revision"] == "1"
    assert client.patch("/movies/1", json={}, headers=writer).status_code == 200
    with database.unit_of_work(is_read_only=True) as uow:
        assert uow.movies.revision() == 1


@pytest.mark.parametrize("encoding", ["identity", "gzip", "br"])
def test_if_match_prevents_overwriting_a_concurrent_change(
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


def test_if_match_prevents_deleting_a_changed_movie(
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
        ({"ratings": [{"source": "Us", "value": "1", "stars": 5}]}, "body.ratings.0"),
        ({"poster_url": "javascript:alert(1)"}, "body.poster_url"),
        ({"released": "yesterday"}, "body.released"),
        ([], "body"),
    ],
)
def test_an_invalid_patch_changes_nothing(
    client: TestClient, database: Database, writer: dict[str, str], patch: object, field: str
) -> None:
    store(database.unit_of_work, ALIEN)
    before = client.get("/movies/1").content
    response = client.patch("/movies/1", json=patch, headers=writer)
    assert response.status_code == 422
    assert response.json()["errors"][0]["field"] == field
    assert client.get("/movies/1").content == before


def test_a_patch_requires_a_movie_a_scope_and_a_json_media_type(
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
    assert taken.json()["detail"] == "The movie /movies/1 has this IMDb id."


def test_refreshes_a_movie(
    client: TestClient, database: Database, omdb: SmallOmdb, writer: dict[str, str]
) -> None:
    home = MovieFacts(title="Home Video", year=1999)
    store(database.unit_of_work, ALIEN, home)
    omdb.movies = [
        dataclasses.replace(ALIEN, imdb_votes=1_000_000, plot=None),
        dataclasses.replace(home, runtime_minutes=3),
    ]
    response = client.post("/movies/1/refresh", headers=writer)
    assert (response.status_code, response.json()["imdb_votes"]) == (200, 1_000_000)
    assert client.get("/movies/1").json() == response.json()
    assert response.json()["plot"] is None
    by_title = client.post("/movies/2/refresh", headers=writer)
    assert by_title.json()["runtime_minutes"] == 3


def test_a_failed_refresh_changes_nothing(
    client: TestClient, database: Database, omdb: SmallOmdb, writer: dict[str, str]
) -> None:
    store(database.unit_of_work, ALIEN)
    before = client.get("/movies/1").content
    assert client.post("/movies/1/refresh").status_code == 401
    assert client.post("/movies/9/refresh", headers=writer).status_code == 404
    assert omdb.calls == 0
    assert client.post("/movies/1/refresh", headers=writer).status_code == 404
    omdb.error = UpstreamTimeout("OMDb did not respond in time.")
    assert client.post("/movies/1/refresh", headers=writer).status_code == 504
    assert client.get("/movies/1").content == before


@pytest.mark.parametrize("patch", [{"genres": [0] * 3}, {"ratings": [{}] * 3}])
def test_an_invalid_list_is_rejected_at_its_first_fault(patch: dict[str, object]) -> None:
    with pytest.raises(RequestValidationError) as raised:
        validate_body(MoviePatchIn, json.dumps(patch).encode())
    assert {error["loc"][2] for error in raised.value.errors()} == {0}


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (rb'{"year": 1979, "title": "\ud800"}', "body.title"),
        (rb'{"genres": ["Horror", "\udfff"]}', "body.genres"),
        (rb'{"\ud800": 1}', "body"),
    ],
)
def test_an_unpaired_surrogate_is_named(
    client: TestClient, writer: dict[str, str], body: bytes, field: str
) -> None:
    response = client.patch("/movies/1", content=body, headers=writer)
    message = "A text must not contain an unpaired surrogate."
    assert response.status_code == 422
    assert response.json()["errors"] == [{"field": field, "message": message}]
