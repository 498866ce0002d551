"""Hostile values of every documented parameter and body field: none is a server error."""

import itertools
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any, Self
from urllib.parse import quote

import pytest
from fastapi.testclient import TestClient
from httpx2 import Response

from common.errors import InvalidInput
from data_layer.database import Database
from data_layer.entities.movie import MovieFacts
from data_layer.entities.scope import Scope
from data_layer.testing.fakes.unit_of_work import FakeDatabase
from movies_service.accounts.api_keys import ApiKeys
from movies_service.accounts.caller import COMMAND_LINE
from movies_service.accounts.users import Users
from movies_service.api.error_handlers import ERRORS_MAX
from movies_service.app import MiddlewareOptions, create_api
from movies_service.tests.conftest import SmallOmdb, new_client, store

TEXTS = ("a\0b", "x" * 5_000, "9" * 30, "-1", "")
BODY_VALUES = (
    '"a\\u0000b"',
    '"\\ud800"',
    f'"{"x" * 5_000}"',
    "9" * 30,
    "1e400",
    "null",
    '"9999-12-31T23:59:59-14:00"',
    '"0001-01-01T00:00:00+14:00"',
)
MARK = "value under test"
Document = dict[str, Any]


def parts(value: object) -> Iterator[object]:
    """Yield copies of a JSON value, each with one part replaced by `MARK`."""
    yield MARK
    if isinstance(value, dict):
        for name, part in value.items():
            yield from ({**value, name: variant} for variant in parts(part))
    elif isinstance(value, list):
        for index, part in enumerate(value):
            yield from ([*value[:index], variant, *value[index + 1 :]] for variant in parts(part))


@dataclass(frozen=True)
class Operation:
    """Operation of the OpenAPI document, with the example of its body and its schema."""

    method: str
    path: str
    parameters: list[Document]
    media_type: str = ""
    body: Document = field(default_factory=dict)
    properties: tuple[str, ...] = ()

    @classmethod
    def list_all(cls, document: Document) -> Iterator[Self]:
        """Yield each operation of a document."""
        for path, operations in document["paths"].items():
            for method, operation in operations.items():
                found = cls(method, path, operation.get("parameters", []))
                if "requestBody" in operation:
                    media_type, content = next(iter(operation["requestBody"]["content"].items()))
                    name = content["schema"].get("anyOf", [content["schema"]])[0]["$ref"]
                    model = document["components"]["schemas"][name.rpartition("/")[2]]
                    found = replace(
                        found,
                        media_type=media_type,
                        body=model["examples"][0],
                        properties=tuple(model["properties"]),
                    )
                yield found

    def hostile_bodies(self) -> Iterator[str]:
        """Yield the body with a hostile value in each place, and in each field that it lacks."""
        lacking = [{**self.body, name: MARK} for name in self.properties if name not in self.body]
        for variant in [*parts(self.body), *lacking] if self.body else ():
            for value in BODY_VALUES:
                yield json.dumps(variant).replace(f'"{MARK}"', value)

    def send(self, client: TestClient, body: str, name: str = "", text: str = "") -> Response:
        """Send a request with this body, and this text as the value of a parameter."""
        path, query, headers = self.path, {}, {"Content-Type": self.media_type}
        for each in self.parameters:
            is_replaced = each["name"] == name
            if each["in"] == "path":
                value = text if is_replaced else each["schema"]["examples"][0]
                path = path.replace(f"{{{each['name']}}}", quote(value, safe=""))
            elif is_replaced and each["in"] == "query":
                query[name] = text
            elif is_replaced:
                headers[name] = text.replace("\0", "\x7f")  # A header cannot contain NUL.
        return client.request(self.method, path, params=query, content=body, headers=headers)


@pytest.mark.parametrize(
    "any_database",
    ["postgresql", *(pytest.param(name, marks=pytest.mark.soak) for name in ("sqlite", "mariadb"))],
    indirect=True,
)
def test_no_value_of_a_parameter_or_body_is_a_server_error(any_database: Database) -> None:
    store(any_database.unit_of_work, MovieFacts(title="Alien", imdb_id="tt0078748"))
    responses: list[Response] = []
    quiet = MiddlewareOptions(logs_requests=False)
    with new_client(any_database, SmallOmdb(), quiet) as client:
        admin = ApiKeys(any_database.unit_of_work).create("admin", {Scope.ADMIN})
        client.headers["X-API-Key"] = admin.secret
        for each in Operation.list_all(create_api().openapi()):
            responses += [each.send(client, body) for body in each.hostile_bodies()]
            responses += [
                each.send(client, json.dumps(each.body), parameter["name"], text)
                for parameter, text in itertools.product(each.parameters, TEXTS)
            ]
    failed = [(str(each.url), each.request.content) for each in responses if each.is_server_error]
    assert failed == []
    assert len(responses) > 500


@pytest.mark.parametrize("path", ["/docs?x=1", "/docs/start.js?x=1", "/docs?%00"])
def test_pages_outside_the_openapi_document_reject_parameters(
    client: TestClient, path: str
) -> None:
    response = client.get(path)
    assert (response.status_code, response.json()["errors"][0]["field"]) == (422, "query")


@pytest.mark.parametrize(
    ("method", "url", "body", "field"),
    [
        ("GET", "/users/a%00b", None, "username"),
        ("GET", "/users/UPPER", None, "username"),
        ("PATCH", "/users/%00", {"disabled": True}, "username"),
        ("GET", f"/users/{'a' * 65}", None, "username"),
        ("POST", "/login", {"username": "a\0b", "password": "x"}, "body.username"),
        ("GET", "/api-keys/%00", None, "key_id"),
        ("DELETE", "/api-keys/0123abc", None, "key_id"),
        ("POST", "/api-keys/%00/rotate", None, "key_id"),
        ("GET", "/audit?caller=%00", None, "query.caller"),
        ("GET", "/audit?action=%00", None, "query.action"),
        ("GET", "/audit?subject=%00", None, "query.subject"),
        ("GET", "/audit?limit=1_0", None, "query.limit"),
        ("GET", "/fetches?before=%201", None, "query.before"),
        (
            "POST",
            "/api-keys",
            {"name": "x", "scopes": ["ops:read"], "expires_at": "9999-12-31T23:59:59-14:00"},
            "body.expires_at",
        ),
    ],
)
def test_names_the_field_of_an_unusable_value(
    client: TestClient,
    api_key_of: Callable[..., str],
    method: str,
    url: str,
    body: object,
    field: str,
) -> None:
    response = client.request(
        method, url, json=body, headers={"X-API-Key": api_key_of(Scope.ADMIN)}
    )
    assert response.status_code == 422
    assert response.json()["errors"][0]["field"] == field


@pytest.mark.parametrize("name", ["\udcff", "a\0b", "", "x" * 301])
def test_commands_reject_names_that_cannot_be_looked_up(name: str) -> None:
    users, keys = Users(FakeDatabase()), ApiKeys(FakeDatabase())
    for command in (
        lambda: users.set_disabled(name, COMMAND_LINE, is_disabled=True),
        lambda: keys.revoke(name),
        lambda: keys.get(name),
    ):
        with pytest.raises(InvalidInput):
            command()


@pytest.mark.parametrize(
    "body", [{"movies": [1] * 1_000}, {str(number): 1 for number in range(5_000)}]
)
def test_a_small_body_does_not_cause_a_large_response(client: TestClient, body: object) -> None:
    response = client.post("/fetches", json=body)
    assert response.status_code == 422
    assert 1 <= len(response.json()["errors"]) <= ERRORS_MAX
    assert len(response.content) < 4_000
