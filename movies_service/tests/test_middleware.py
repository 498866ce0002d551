import asyncio
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from fastapi.testclient import TestClient
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from common.errors import DatabaseUnavailable, MoviesError
from common.logging_setup import configure_logs
from data_layer.database import Database
from data_layer.entities.movie import MovieFacts
from data_layer.sql import schema
from movies_service.app import EdgeOptions, create_api
from movies_service.middleware.body_limit import BodyLimit
from movies_service.middleware.host_header import OneHost
from movies_service.response_cache.options import CacheOptions
from movies_service.telemetry.collector import RequestCounts
from movies_service.tests.conftest import ReadLog, SmallOmdb

pytestmark = pytest.mark.integration


def test_the_index_leads_to_what_is_there(client: TestClient) -> None:
    index = client.get("/").json()
    assert index["movies_url"] == "/movies"
    for name, url in index.items():
        if "{" not in url:
            closed = {"api_keys_url", "users_url", "me_url", "audit_url", "upstream_url"}
            expected = 401 if name in closed else 405 if name == "login_url" else 200
            assert client.get(url).status_code == expected, name


@pytest.mark.parametrize("path", ["/nope", "/movie", "/docs/nope", "/health", "//", "/movies.json"])
def test_an_unknown_path_is_a_problem(client: TestClient, path: str) -> None:
    answer = client.get(f"http://testserver{path}")
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["code"] == "not-found"


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("PUT", "/movies", {"GET", "HEAD", "POST"}),
        ("PUT", "/movies/1", {"GET", "HEAD", "PATCH", "DELETE"}),
        ("POST", "/", {"GET", "HEAD"}),
        ("DELETE", "/docs", {"GET", "HEAD"}),
        ("BREW", "/movies", {"GET", "HEAD", "POST"}),
    ],
)
def test_an_unknown_method_is_told_the_known_ones(
    client: TestClient, method: str, path: str, allowed: set[str]
) -> None:
    answer = client.request(method, path)
    assert answer.status_code == 405
    assert set(answer.headers["allow"].split(", ")) == allowed
    assert answer.json()["code"] == "method-not-allowed"


def test_problems_have_the_members_of_the_rfc(client: TestClient) -> None:
    problem = client.get("/movies/7").json()
    assert problem == {
        "type": "urn:movies-api:problem:not-found",
        "title": "Not Found",
        "status": 404,
        "detail": "No movie has this id.",
        "code": "not-found",
        "request_id": problem["request_id"],
    }


def test_an_unexpected_error_is_a_problem_and_a_line_in_the_log(
    open_client: Callable[..., TestClient],
    omdb: SmallOmdb,
    read_log: ReadLog,
) -> None:
    omdb.error = ZeroDivisionError("hunter2")  # type: ignore[assignment]  # None of ours.
    answer = open_client().post(
        "/movies", json={"title": "Alien"}, headers={"Origin": "https://a.example"}
    )
    assert answer.status_code == 500
    assert answer.json()["code"] == "internal-error"
    assert "hunter2" not in answer.text
    assert answer.headers["access-control-allow-origin"] == "*"
    error, request = (line for line in read_log() if line.get("request_id"))
    assert error["request_id"] == request["request_id"] == answer.json()["request_id"]
    assert "ZeroDivisionError" in error["exception"]
    assert request["status"] == 500


def test_every_answer_and_its_line_in_the_log_have_one_id(
    client: TestClient, read_log: ReadLog
) -> None:
    answer = client.get("/movies/7")
    request_id = answer.headers["x-request-id"]
    assert answer.json()["request_id"] == request_id
    (line,) = (line for line in read_log() if line["event"] == "request")
    assert (line["request_id"], line["path"], line["status"]) == (request_id, "/movies/7", 404)


def test_a_client_may_name_its_request(client: TestClient) -> None:
    named = client.get("/", headers={"X-Request-ID": "order-7.a"})
    assert named.headers["x-request-id"] == "order-7.a"
    for strange in ("a b", "x" * 65, "é", ""):
        answer = client.get("/", headers=[(b"X-Request-ID", strange.encode())])
        assert answer.headers["x-request-id"] != strange


def test_what_a_path_holds_does_not_break_the_lines_of_the_log(
    client: TestClient, capsys: pytest.CaptureFixture[str]
) -> None:
    configure_logs("info", "console")
    client.get("/movies/a%0D%0Aforged")
    logged = capsys.readouterr().err
    assert "forged" in logged
    assert "\nforged" not in logged


def test_requests_need_not_be_logged(
    open_client: Callable[..., TestClient], read_log: ReadLog
) -> None:
    open_client(EdgeOptions(logs_requests=False)).get("/")
    assert [line for line in read_log() if line["event"] == "request"] == []


def test_pages_of_every_origin_may_call(client: TestClient) -> None:
    for path in ("/movies", "/movies/7"):
        answer = client.get(path, headers={"Origin": "https://a.example"})
        assert answer.headers["access-control-allow-origin"] == "*"
    preflight = client.options(
        "/movies/1",
        headers={
            "Origin": "https://a.example",
            "Access-Control-Request-Method": "DELETE",
            "Access-Control-Request-Headers": "X-API-Key",
        },
    )
    assert preflight.status_code == 200


def test_origins_can_be_named(open_client: Callable[..., TestClient]) -> None:
    client = open_client(EdgeOptions(cors_origins=("https://a.example",)))
    allowed = client.get("/", headers={"Origin": "https://a.example"})
    assert allowed.headers["access-control-allow-origin"] == "https://a.example"
    refused = client.get("/", headers={"Origin": "https://b.example"})
    assert "access-control-allow-origin" not in refused.headers


def test_health_tells_life_from_readiness(client: TestClient, database: Database) -> None:
    assert client.get("/health/live").json() == {"status": "live"}
    assert client.get("/health/ready").json() == {"status": "ready"}
    schema.downgrade(database.engines)
    assert client.get("/health/live").status_code == 200
    answer = client.get("/health/ready")
    assert answer.status_code == 503
    assert answer.json()["code"] == "database-unavailable"
    assert "retry-after" in answer.headers


def test_documentation_needs_no_other_host(client: TestClient) -> None:
    answer = client.get("/docs")
    assert "unsafe" not in answer.headers["content-security-policy"]
    assert "https://" not in answer.text
    for line in answer.text.splitlines():
        for attribute in ('src="', 'href="'):
            if attribute in line:
                asset = line.partition(attribute)[2].partition('"')[0]
                assert client.get(asset).status_code == 200


def test_every_operation_has_an_example() -> None:
    document = create_api().openapi()
    operations = {
        (method, path): operation
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    }
    assert len(operations) >= 7
    without = [
        name
        for name, operation in operations.items()
        if not any(
            "example" in media
            for answer in operation["responses"].values()
            for media in answer.get("content", {}).values()
        )
    ]
    assert without == []


def test_errors_are_documented_as_problems() -> None:
    document = create_api().openapi()
    wrong = [
        (path, method, status)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
        for status, answer in operation["responses"].items()
        if status >= "400" and list(answer["content"]) != ["application/problem+json"]
    ]
    assert wrong == []


def test_a_client_that_leaves_while_it_sends_is_let_go() -> None:
    seen: list[Message] = []

    async def app(scope: object, receive: Callable[[], Any], send: object) -> None:
        seen.append(await receive())
        seen.append(await receive())

    messages: Iterator[Message] = iter(
        [
            {"type": "http.request", "body": b"{", "more_body": True},
            {"type": "http.disconnect"},
            {"type": "http.disconnect"},
        ]
    )

    async def receive() -> Message:
        return next(messages)

    async def send(message: Message) -> None:
        raise AssertionError(message)

    scope = {"type": "http", "headers": [(b"content-length", b"9")]}
    asyncio.run(BodyLimit(app, max_bytes=100, timeout_seconds=5)(scope, receive, send))
    assert [message["type"] for message in seen] == ["http.disconnect"] * 2


@pytest.mark.parametrize(
    "error", [MoviesError("What is this?"), DatabaseUnavailable("It is locked.")]
)
def test_no_error_of_ours_is_without_an_answer(
    client: TestClient, omdb: SmallOmdb, error: MoviesError
) -> None:
    omdb.error = error
    answer = client.post("/movies", json={"title": "Alien"})
    assert answer.status_code >= 500
    assert json.loads(answer.text)["detail"]


def test_a_write_is_seen_by_the_next_read(
    open_client: Callable[..., TestClient], database: Database, omdb: SmallOmdb, api_key: str
) -> None:
    omdb.films = [MovieFacts(title="Alien", imdb_id="tt0078748")]
    client = open_client(EdgeOptions(cache=CacheOptions(revision=database.revision)))

    def read_total() -> tuple[int, bool]:
        answer = client.get("/movies")
        return answer.json()["total"], "hit" in answer.headers["cache-status"]

    assert [read_total(), read_total()] == [(0, False), (0, True)]
    client.post("/movies", json={"title": "Alien"})
    assert [read_total(), read_total()] == [(1, False), (1, True)]
    client.delete("/movies/1", headers={"X-API-Key": api_key})
    assert [read_total(), read_total()] == [(0, False), (0, True)]


def test_metrics_count_what_is_answered(
    open_client: Callable[..., TestClient], database: Database, omdb: SmallOmdb
) -> None:
    omdb.films = [MovieFacts(title="Alien", imdb_id="tt0078748")]
    requests = RequestCounts()
    cache = CacheOptions(revision=database.revision, requests=requests)
    client = open_client(EdgeOptions(cache=cache, requests=requests))
    client.post("/movies", json={"title": "Alien"})
    for path in ("/movies", "/movies", "/movies/Alien", "/movies/7", "/nope"):
        client.get(path)
    answer = client.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    lines = answer.text.splitlines()
    counted = 'movies_http_requests_total{{method="GET",route="{}",status="{}"}} {}'
    for line in (
        counted.format("/movies", 200, 2.0),
        counted.format("/movies/{reference:path}", 200, 1.0),
        counted.format("/movies/{reference:path}", 404, 1.0),
        counted.format("unknown", 404, 1.0),
        'movies_http_request_seconds_count{route="/movies"} 3.0',
        'movies_upstream_requests_total{outcome="asked"} 1.0',
        "movies_catalogue_movies 1.0",
    ):
        assert line in lines
    assert 'le="+Inf",route="/movies"' in answer.text


@pytest.mark.parametrize(
    ("hosts", "version", "status"),
    [
        (["x"], "1.1", 200),
        (["[::1]:8080"], "1.1", 200),
        (["movies.example:80"], "1.1", 200),
        ([], "1.0", 200),
        ([], "1.1", 400),
        (["x", "x"], "1.1", 400),
        (["x", "y"], "1.0", 400),
        ([""], "1.1", 400),
        (["a b"], "1.1", 400),
        (["x/y"], "1.1", 400),
        (["x:port"], "1.1", 400),
    ],
)
def test_a_request_is_for_one_host(hosts: list[str], version: str, status: int) -> None:
    sent: list[Message] = []

    async def app(_scope: Scope, _receive: Receive, send: Send) -> None:
        await Response()({"type": "http"}, _receive, send)

    async def send(message: Message) -> None:
        sent.append(message)

    async def receive() -> Message:
        return {"type": "http.request"}

    headers = [(b"host", host.encode()) for host in hosts]
    scope = {"type": "http", "http_version": version, "headers": headers}
    asyncio.run(OneHost(app)(scope, receive, send))
    assert sent[0]["status"] == status
    asyncio.run(OneHost(app)({"type": "lifespan"}, receive, send))
