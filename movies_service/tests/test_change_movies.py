import datetime as dt
from collections.abc import Callable

import pytest
from fastapi.testclient import TestClient

from common.errors import (
    MoviesError,
    NotFound,
    UpstreamBadResponse,
    UpstreamQuotaExceeded,
    UpstreamTimeout,
    UpstreamUnauthorized,
    UpstreamUnavailable,
)
from data_layer.database import Database
from data_layer.entities.movie import MovieFacts
from data_layer.entities.scope import Scope
from movies_service.accounts.api_key_secrets import new_prefix, new_secret
from movies_service.accounts.api_keys import ApiKeys
from movies_service.app import MiddlewareOptions
from movies_service.tests.conftest import SmallOmdb, store

pytestmark = pytest.mark.integration

ALIEN = MovieFacts(title="Alien", imdb_id="tt0078748", year=1979)
JSON = {"Content-Type": "application/json"}


def test_adds_a_movie_once(client: TestClient, omdb: SmallOmdb) -> None:
    omdb.movies = [ALIEN]
    added = client.post("/movies", json={"title": "Alien"})
    assert added.status_code == 201
    assert added.headers["location"] == added.json()["self_url"] == "/movies/1"
    assert client.get(added.headers["location"]).json() == added.json()
    for body in ({"title": "alien"}, {"imdb_id": "tt0078748"}, {"title": "Alien", "year": 1979}):
        again = client.post("/movies", json=body)
        assert (again.status_code, again.json()["id"]) == (200, 1)
    assert omdb.calls == 1


@pytest.mark.parametrize(
    ("error", "status", "retry_after"),
    [
        (NotFound("OMDb has no such movie."), 404, None),
        (UpstreamUnavailable("OMDb can't be reached."), 502, "30"),
        (UpstreamBadResponse("OMDb returned an invalid response."), 502, "30"),
        (UpstreamUnauthorized("OMDb rejected the API key."), 502, "30"),
        (UpstreamQuotaExceeded("Quota used up.", retry_after_seconds=3600), 503, "3600"),
        (UpstreamTimeout("OMDb did not respond in time."), 504, "30"),
    ],
)
def test_maps_each_omdb_error_to_its_status(
    client: TestClient, omdb: SmallOmdb, error: MoviesError, status: int, retry_after: str | None
) -> None:
    omdb.error = error
    response = client.post("/movies", json={"title": "Alien"})
    assert response.status_code == response.json()["status"] == status
    assert response.json()["code"] == error.code
    assert response.headers.get("retry-after") == retry_after
    assert client.get("/movies").json()["total"] == 0


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (b"{}", "body"),
        (b'{"title": "Alien", "imdb_id": "tt0078748"}', "body"),
        (b'{"imdb_id": "tt0078748", "year": 1979}', "body"),
        (b'{"title": ""}', "body.title"),
        (b'{"title": "  "}', "body.title"),
        (b'{"title": 1917}', "body.title"),
        (b'{"title": "a\\u0000"}', "body.title"),
        (b'{"title": "\\ud800"}', "body.title"),
        (b'{"title": "Alien", "year": "1979"}', "body.year"),
        (b'{"title": "Alien", "year": 1979.0}', "body.year"),
        (b'{"title": "Alien", "year": true}', "body.year"),
        (b'{"title": "Alien", "year": 1e999}', "body.year"),
        (b'{"title": "Alien", "year": 99999999999999999999}', "body.year"),
        (b'{"imdb_id": "78748"}', "body.imdb_id"),
        (b'{"imdb_id": "tt0078748\\n"}', "body.imdb_id"),
        (b'{"title": "Alien", "plot": "hunter2"}', "body"),
        (b"[]", "body"),
        (b"null", "body"),
        (b"", "body"),
        (b'"hunter2"', "body"),
    ],
)
def test_names_the_invalid_field_without_repeating_its_value(
    client: TestClient, omdb: SmallOmdb, body: bytes, field: str
) -> None:
    response = client.post("/movies", content=body, headers=JSON)
    assert response.status_code == 422
    assert response.headers["content-type"] == "application/problem+json"
    assert [error["field"] for error in response.json()["errors"]] == [field]
    assert "hunter2" not in response.text
    assert omdb.calls == 0


@pytest.mark.parametrize(
    "body", [b"{", b'{"title": "\xff"}', b"[" * 60_000, b'{"year": ' + b"9" * 5_000 + b"}"]
)
def test_rejects_malformed_json_with_a_400(client: TestClient, body: bytes) -> None:
    response = client.post("/movies", content=body, headers=JSON)
    assert response.status_code == 400
    assert response.json()["code"] == "malformed-body"


@pytest.mark.parametrize("media_type", ["text/plain", "application/xml", ""])
def test_rejects_other_media_types_than_json_with_a_415(
    client: TestClient, media_type: str
) -> None:
    response = client.post(
        "/movies", content=b'{"title": "Alien"}', headers={"Content-Type": media_type}
    )
    assert response.status_code == 415
    assert response.json()["code"] == "unsupported-media-type"


def test_rejects_a_too_large_body_with_a_413(open_client: Callable[..., TestClient]) -> None:
    client = open_client(MiddlewareOptions(max_body_bytes=100))
    body = b'{"title": "' + b"x" * 100 + b'"}'
    with_length = client.post("/movies", content=body, headers=JSON)
    streamed = client.post("/movies", content=iter([body[:60], body[60:]]), headers=JSON)
    for response in (with_length, streamed):
        assert response.status_code == 413
        assert response.headers["content-type"] == "application/problem+json"
        assert "100 bytes" in response.json()["detail"]
    exact = client.post("/movies", content=body[:98] + b'"}', headers=JSON)
    assert exact.status_code == 404


def test_deletes_a_movie_by_id_and_by_imdb_id(
    client: TestClient, database: Database, api_key: str
) -> None:
    store(database.unit_of_work, ALIEN, MovieFacts(title="Brazil"))
    for reference in ("tt0078748", "2"):
        response = client.delete(f"/movies/{reference}", headers={"X-API-Key": api_key})
        assert response.status_code == 204
        assert response.content == b""
    assert client.get("/movies").json()["total"] == 0


@pytest.mark.parametrize(
    ("reference", "status"),
    [("1", 404), ("tt0000001", 404), (str(2**63), 404), ("Alien", 422), ("1.0", 422), ("", 422)],
)
def test_rejects_the_deletion_of_missing_movies_and_of_titles(
    client: TestClient, api_key: str, reference: str, status: int
) -> None:
    response = client.delete(f"/movies/{reference}", headers={"X-API-Key": api_key})
    assert response.status_code == status


def test_deleting_requires_a_valid_credential(client: TestClient, database: Database) -> None:
    store(database.unit_of_work, ALIEN)
    keys = ApiKeys(database.unit_of_work)
    past = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
    expired = keys.create("expired", {Scope.ADMIN}, past).secret
    responses = [client.delete("/movies/1")] + [
        client.delete("/movies/1", headers={"X-API-Key": secret})
        for secret in ("", "x", new_secret(new_prefix()), expired)
    ]
    for response in responses:
        assert response.status_code == 401
        assert "ApiKey" in response.headers["www-authenticate"]
        assert response.json()["code"] == "unauthenticated"
    assert len({response.json()["detail"] for response in responses[3:]}) == 1
    assert client.get("/movies/1").status_code == 200


def test_deleting_requires_the_scope_movies_delete(client: TestClient, database: Database) -> None:
    store(database.unit_of_work, ALIEN)
    keys = ApiKeys(database.unit_of_work)
    without_scopes = keys.create("without scopes", set()).secret
    admin = keys.create("admin", {Scope.ADMIN}).secret
    response = client.delete("/movies/1", headers={"X-API-Key": without_scopes})
    assert response.status_code == 403
    assert "movies:delete" in response.json()["detail"]
    assert client.delete("/movies/1", headers={"X-API-Key": admin}).status_code == 204


@pytest.mark.parametrize("encoding", ["gzip", "br", "x"])
def test_rejects_encoded_bodies(client: TestClient, encoding: str) -> None:
    headers = {**JSON, "Content-Encoding": encoding}
    response = client.post("/movies", content=b'{"title": "Alien"}', headers=headers)
    assert (response.status_code, response.json()["code"]) == (415, "unsupported-media-type")
    plain = {**JSON, "Content-Encoding": "Identity"}
    assert client.post("/movies", content=b'{"title": "Alien"}', headers=plain).status_code == 404
