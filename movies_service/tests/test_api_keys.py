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
from movies_service.accounts.api_key_secrets import new_prefix, new_secret
from movies_service.accounts.api_keys import ApiKeys
from movies_service.api.dependencies.use_cases import Policy
from movies_service.app import create_api
from movies_service.tests.conftest import SmallOmdb, new_client, store

CreateKey = Callable[..., str]


@pytest.fixture
def create_key(database: Database) -> CreateKey:
    """Return a function that creates a key with a name and scopes, and returns its secret."""
    keys = ApiKeys(database.unit_of_work)
    return lambda name, *scopes: keys.create(name, set(scopes)).secret


@pytest.fixture
def administrator(create_key: CreateKey) -> dict[str, str]:
    """Return the headers of a caller with the scope `admin`."""
    return {"X-API-Key": create_key("boss", Scope.ADMIN)}


def test_creates_uses_lists_rotates_and_revokes_a_key(
    client: TestClient, database: Database, administrator: dict[str, str]
) -> None:
    store(database.unit_of_work, *[MovieFacts(title=title) for title in "abcd"])
    new_key = {
        "name": "nightly",
        "scopes": ["movies:delete"],
        "expires_at": "2999-01-01T00:00:00+01:00",
    }
    created = client.post("/api-keys", json=new_key, headers=administrator)
    document = created.json()
    first = document.pop("key")
    assert created.status_code == 201
    assert created.headers["cache-control"] == "no-store"
    assert created.headers["location"] == document["self_url"]
    assert document["expires_at"] == "2998-12-31T23:00:00Z"
    assert client.delete("/movies/1", headers={"X-API-Key": first}).status_code == 204

    shown = client.get(created.headers["location"], headers=administrator).json()
    assert dt.datetime.fromisoformat(shown.pop("last_used_at")) <= dt.datetime.now(dt.UTC)
    assert document.pop("last_used_at") is None
    assert shown == document
    listed = client.get("/api-keys", headers=administrator).json()["api_keys"]
    assert [key["name"] for key in listed] == ["boss", "nightly"]
    assert first[13:] not in client.get("/api-keys", headers=administrator).text

    rotate = f"{created.headers['location']}/rotate"
    second = client.post(rotate, headers=administrator).json()["key"]
    for path, secret in (("/movies/2", first), ("/movies/3", second)):
        assert client.delete(path, headers={"X-API-Key": secret}).status_code == 204
    third = client.post(rotate, json={"grace_seconds": 0}, headers=administrator).json()["key"]
    for secret in (first, second):
        assert client.delete("/movies/4", headers={"X-API-Key": secret}).status_code == 401
    revoked = client.delete(created.headers["location"], headers=administrator)
    assert (revoked.status_code, revoked.content) == (204, b"")
    assert client.delete("/movies/4", headers={"X-API-Key": third}).status_code == 401
    assert client.delete(created.headers["location"], headers=administrator).status_code == 204
    assert client.post(rotate, headers=administrator).status_code == 409
    assert client.get(created.headers["location"], headers=administrator).json()["revoked_at"]


PROTECTED = [
    (method, path)
    for path, methods in create_api().openapi()["paths"].items()
    for method, operation in methods.items()
    if {} not in operation["security"]
]


@pytest.mark.parametrize(("method", "path"), PROTECTED)
def test_every_protected_operation_requires_its_scope(
    client: TestClient, create_key: CreateKey, method: str, path: str
) -> None:
    """Check each operation whose documentation requires a credential."""
    bodies = {
        "/api-keys": {"name": "x", "scopes": ["admin"]},
        "/users": {"username": "x", "password": "x" * 10, "scopes": []},
        "/me/password": {"password": "x", "new_password": "x" * 10},
    }
    url = re.sub(r"{.*?}", "1", path)
    body = bodies.get(path, {}) if method in {"post", "patch"} else None
    assert client.request(method, url, json=body).status_code == 401
    response = client.request(method, url, json=body, headers={"X-API-Key": create_key("weak")})
    if path == "/me":
        assert response.status_code == 200
    else:
        assert response.status_code == 403
        assert re.search(
            "lacks the scope [a-z]+:[a-z]+|requires a user session", response.json()["detail"]
        )


def test_documents_which_operations_require_a_credential() -> None:
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
def test_managing_keys_requires_the_scope_keys_admin(
    client: TestClient, create_key: CreateKey, method: str, path: str
) -> None:
    body = {"name": "x", "scopes": ["admin"]} if path == "/api-keys" else None
    insufficient = {"X-API-Key": create_key("robot", Scope.MOVIES_DELETE, Scope.OPS_READ)}
    assert client.request(method, path, json=body).status_code == 401
    rejected = client.request(method, path, json=body, headers=insufficient)
    assert (rejected.status_code, rejected.json()["code"]) == (403, "forbidden")
    assert "keys:admin" in rejected.json()["detail"]


def test_keys_with_scopes_that_the_caller_lacks_cannot_be_created_or_changed(
    client: TestClient, database: Database, create_key: CreateKey, administrator: dict[str, str]
) -> None:
    limited = {"X-API-Key": create_key("limited", Scope.KEYS_ADMIN, Scope.OPS_READ)}
    boss = ApiKeys(database.unit_of_work).list()[0].id
    more = {"name": "more", "scopes": ["ops:read", "movies:delete"]}
    less = {"name": "less", "scopes": ["ops:read"]}
    rejections = [
        client.post("/api-keys", json=more, headers=limited),
        client.post(f"/api-keys/{boss}/rotate", headers=limited),
        client.delete(f"/api-keys/{boss}", headers=limited),
    ]
    assert [rejection.status_code for rejection in rejections] == [403] * 3
    assert "movies:delete" in rejections[0].json()["detail"]
    assert client.post("/api-keys", json=less, headers=limited).status_code == 201
    assert client.get("/api-keys", headers=administrator).status_code == 200


@pytest.mark.parametrize(
    "invalid",
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
def test_rejects_an_invalid_new_key(
    client: TestClient, administrator: dict[str, str], invalid: dict[str, Any]
) -> None:
    response = client.post("/api-keys", json=invalid, headers=administrator)
    assert (response.status_code, response.json()["code"]) == (422, "invalid-input")


def test_reports_missing_keys_and_names_in_use(
    client: TestClient, administrator: dict[str, str]
) -> None:
    taken = client.post(
        "/api-keys", json={"name": "boss", "scopes": ["admin"]}, headers=administrator
    )
    assert (taken.status_code, taken.json()["code"]) == (409, "conflict")
    for method, path in (("GET", ""), ("DELETE", ""), ("POST", "/rotate")):
        response = client.request(method, f"/api-keys/00000000{path}", headers=administrator)
        assert (response.status_code, response.json()["code"]) == (404, "not-found")
    too_long = client.post(
        "/api-keys/00000000/rotate", json={"grace_seconds": 10**9}, headers=administrator
    )
    assert too_long.status_code == 422


@pytest.mark.parametrize("path", ["/", "/movies", "/movies/1", "/health/live", "/metrics"])
def test_rejects_an_invalid_key_on_public_endpoints_too(
    client: TestClient, database: Database, create_key: CreateKey, path: str
) -> None:
    store(database.unit_of_work, MovieFacts(title="Alien"))
    assert client.get(path).status_code == 200
    assert client.get(path, headers={"X-API-Key": create_key("robot")}).status_code == 200
    for secret in ("nonsense", new_secret(new_prefix())):
        assert client.get(path, headers={"X-API-Key": secret}).status_code == 401


def test_adding_can_require_authentication(
    database: Database, omdb: SmallOmdb, create_key: CreateKey
) -> None:
    omdb.movies = [MovieFacts(title="Alien", imdb_id="tt0078748")]
    lookup = {"title": "Alien"}
    with new_client(database, omdb, policy=Policy(adding_requires_authentication=True)) as client:
        assert client.post("/movies", json=lookup).status_code == 401
        reader = {"X-API-Key": create_key("reader", Scope.OPS_READ)}
        rejected = client.post("/movies", json=lookup, headers=reader)
        assert rejected.status_code == 403
        assert "movies:write" in rejected.json()["detail"]
        assert omdb.calls == 0
        writer = {"X-API-Key": create_key("writer", Scope.MOVIES_WRITE)}
        assert client.post("/movies", json=lookup, headers=writer).status_code == 201


def test_serves_the_request_if_the_use_of_a_key_cannot_be_recorded(
    client: TestClient, create_key: CreateKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_keys: ApiKeys, _key: object) -> None:
        raise DatabaseBusy("The database is locked.")

    monkeypatch.setattr(ApiKeys, "record_use", fail)
    assert client.get("/movies", headers={"X-API-Key": create_key("robot")}).status_code == 200
