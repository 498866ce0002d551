import datetime as dt
import re
from collections.abc import Callable
from typing import Any

import pytest
from fastapi.testclient import TestClient

from common.errors import DatabaseBusy
from data_layer.database import Database
from data_layer.entities.movie import MovieFacts
from data_layer.entities.scope import Scope
from movies_service.accounts.api_key_format import new_prefix, new_secret
from movies_service.accounts.api_keys import ApiKeys
from movies_service.api.dependencies.use_cases import Policy
from movies_service.app import create_api
from movies_service.tests.conftest import SmallOmdb, new_client, store

Make = Callable[..., str]


@pytest.fixture
def make(database: Database) -> Make:
    """Makes keys with these scopes."""
    keys = ApiKeys(database.unit_of_work)
    return lambda name, *scopes: keys.create(name, set(scopes)).secret


@pytest.fixture
def administrator(make: Make) -> dict[str, str]:
    """The headers of somebody who may do everything."""
    return {"X-API-Key": make("boss", Scope.ADMIN)}


def test_a_key_is_made_used_listed_rotated_and_revoked(
    client: TestClient, database: Database, administrator: dict[str, str]
) -> None:
    store(database.unit_of_work, *[MovieFacts(title=title) for title in "abcd"])
    wanted = {
        "name": "nightly",
        "scopes": ["movies:delete"],
        "expires_at": "2999-01-01T00:00:00+01:00",
    }
    made = client.post("/api-keys", json=wanted, headers=administrator)
    document = made.json()
    first = document.pop("key")
    assert made.status_code == 201
    assert made.headers["cache-control"] == "no-store"
    assert made.headers["location"] == document["self_url"]
    assert document["expires_at"] == "2998-12-31T23:00:00Z"
    assert client.delete("/movies/1", headers={"X-API-Key": first}).status_code == 204

    shown = client.get(made.headers["location"], headers=administrator).json()
    assert dt.datetime.fromisoformat(shown.pop("last_used_at")) <= dt.datetime.now(dt.UTC)
    assert document.pop("last_used_at") is None
    assert shown == document
    listed = client.get("/api-keys", headers=administrator).json()["api_keys"]
    assert [key["name"] for key in listed] == ["boss", "nightly"]
    assert first[13:] not in client.get("/api-keys", headers=administrator).text

    rotate = f"{made.headers['location']}/rotate"
    second = client.post(rotate, headers=administrator).json()["key"]
    for path, secret in (("/movies/2", first), ("/movies/3", second)):
        assert client.delete(path, headers={"X-API-Key": secret}).status_code == 204
    third = client.post(rotate, json={"grace_seconds": 0}, headers=administrator).json()["key"]
    for secret in (first, second):
        assert client.delete("/movies/4", headers={"X-API-Key": secret}).status_code == 401
    revoked = client.delete(made.headers["location"], headers=administrator)
    assert (revoked.status_code, revoked.content) == (204, b"")
    assert client.delete("/movies/4", headers={"X-API-Key": third}).status_code == 401
    assert client.delete(made.headers["location"], headers=administrator).status_code == 204
    assert client.post(rotate, headers=administrator).status_code == 409
    assert client.get(made.headers["location"], headers=administrator).json()["revoked_at"]


PROTECTED = [
    (method, path)
    for path, methods in create_api().openapi()["paths"].items()
    for method, operation in methods.items()
    if {} not in operation["security"]
]


@pytest.mark.parametrize(("method", "path"), PROTECTED)
def test_the_scope_is_asked_for_everywhere(
    client: TestClient, make: Make, method: str, path: str
) -> None:
    """Of each call whose documentation wants a credential."""
    bodies = {
        "/api-keys": {"name": "x", "scopes": ["admin"]},
        "/users": {"username": "x", "password": "x" * 10, "scopes": []},
        "/me/password": {"password": "x", "new_password": "x" * 10},
    }
    url = re.sub(r"{.*?}", "1", path)
    body = bodies.get(path, {}) if method in {"post", "patch"} else None
    assert client.request(method, url, json=body).status_code == 401
    answer = client.request(method, url, json=body, headers={"X-API-Key": make("weak")})
    if path == "/me":
        assert answer.status_code == 200
    else:
        assert answer.status_code == 403
        assert re.search("lacks the scope [a-z]+:[a-z]+|signed in", answer.json()["detail"])


def test_what_is_protected_is_documented_so() -> None:
    assert len(PROTECTED) >= 15
    assert ("delete", "/movies/{reference}") in PROTECTED
    assert ("post", "/movies") not in PROTECTED


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/api-keys"),
        ("GET", "/api-keys"),
        ("GET", "/api-keys/00000000"),
        ("DELETE", "/api-keys/00000000"),
        ("POST", "/api-keys/00000000/rotate"),
    ],
)
def test_managing_keys_needs_the_scope(
    client: TestClient, make: Make, method: str, path: str
) -> None:
    body = {"name": "x", "scopes": ["admin"]} if path == "/api-keys" else None
    lacking = {"X-API-Key": make("robot", Scope.MOVIES_DELETE, Scope.OPS_READ)}
    assert client.request(method, path, json=body).status_code == 401
    refused = client.request(method, path, json=body, headers=lacking)
    assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")
    assert "keys:admin" in refused.json()["detail"]


def test_nobody_gives_or_takes_over_more_than_they_have(
    client: TestClient, database: Database, make: Make, administrator: dict[str, str]
) -> None:
    limited = {"X-API-Key": make("limited", Scope.KEYS_ADMIN, Scope.OPS_READ)}
    boss = ApiKeys(database.unit_of_work).list()[0].id
    more = {"name": "more", "scopes": ["ops:read", "movies:delete"]}
    less = {"name": "less", "scopes": ["ops:read"]}
    refusals = [
        client.post("/api-keys", json=more, headers=limited),
        client.post(f"/api-keys/{boss}/rotate", headers=limited),
        client.delete(f"/api-keys/{boss}", headers=limited),
    ]
    assert [refusal.status_code for refusal in refusals] == [403] * 3
    assert "movies:delete" in refusals[0].json()["detail"]
    assert client.post("/api-keys", json=less, headers=limited).status_code == 201
    assert client.get("/api-keys", headers=administrator).status_code == 200


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"name": "x"},
        {"name": "x", "scopes": []},
        {"name": "x", "scopes": ["fly"]},
        {"name": " ", "scopes": ["admin"]},
        {"name": "x" * 301, "scopes": ["admin"]},
        {"name": "a\x00b", "scopes": ["admin"]},
        {"name": "x", "scopes": ["admin"], "expires_at": "2026-01-01T00:00:00"},
        {"name": "x", "scopes": ["admin"], "expires_at": "tomorrow"},
        {"name": "x", "scopes": ["admin"], "expires_at": 4102444800},
        {"name": "x", "scopes": ["admin"], "secret": "mine"},
    ],
)
def test_a_key_that_makes_no_sense_is_refused(
    client: TestClient, administrator: dict[str, str], wrong: dict[str, Any]
) -> None:
    answer = client.post("/api-keys", json=wrong, headers=administrator)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid-input")


def test_what_is_not_there_or_taken_is_said(
    client: TestClient, administrator: dict[str, str]
) -> None:
    taken = client.post(
        "/api-keys", json={"name": "boss", "scopes": ["admin"]}, headers=administrator
    )
    assert (taken.status_code, taken.json()["code"]) == (409, "conflict")
    for method, path in (("GET", ""), ("DELETE", ""), ("POST", "/rotate")):
        answer = client.request(method, f"/api-keys/00000000{path}", headers=administrator)
        assert (answer.status_code, answer.json()["code"]) == (404, "not-found")
    too_long = client.post(
        "/api-keys/00000000/rotate", json={"grace_seconds": 10**9}, headers=administrator
    )
    assert too_long.status_code == 422


@pytest.mark.parametrize("path", ["/", "/movies", "/movies/1", "/health/live", "/metrics"])
def test_a_key_that_opens_nothing_is_refused_even_where_none_is_needed(
    client: TestClient, database: Database, make: Make, path: str
) -> None:
    store(database.unit_of_work, MovieFacts(title="Alien"))
    assert client.get(path).status_code == 200
    assert client.get(path, headers={"X-API-Key": make("robot")}).status_code == 200
    for secret in ("nonsense", new_secret(new_prefix())):
        assert client.get(path, headers={"X-API-Key": secret}).status_code == 401


def test_adding_can_be_closed(database: Database, omdb: SmallOmdb, make: Make) -> None:
    omdb.films = [MovieFacts(title="Alien", imdb_id="tt0078748")]
    wish = {"title": "Alien"}
    with new_client(database, omdb, policy=Policy(adding_requires_key=True)) as client:
        assert client.post("/movies", json=wish).status_code == 401
        reader = {"X-API-Key": make("reader", Scope.OPS_READ)}
        refused = client.post("/movies", json=wish, headers=reader)
        assert refused.status_code == 403
        assert "movies:write" in refused.json()["detail"]
        assert omdb.calls == 0
        writer = {"X-API-Key": make("writer", Scope.MOVIES_WRITE)}
        assert client.post("/movies", json=wish, headers=writer).status_code == 201


def test_a_use_that_cannot_be_written_down_keeps_nobody(
    client: TestClient, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_keys: ApiKeys, _key: object) -> None:
        raise DatabaseBusy("Others are writing.")

    monkeypatch.setattr(ApiKeys, "note_use", fail)
    assert client.get("/movies", headers={"X-API-Key": make("robot")}).status_code == 200
