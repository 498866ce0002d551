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
from movies_service.app import MiddlewareOptions
from movies_service.http_semantics.query_parameters import PARAMETERS_MAX
from movies_service.middleware.body_limit import BodyLimitMiddleware
from movies_service.middleware.request_id import RequestIdMiddleware
from movies_service.middleware.single_headers import SingleHeadersMiddleware
from movies_service.response_cache.options import CacheOptions
from movies_service.telemetry.counters import RequestCounters
from movies_service.tests.conftest import ReadLog, SmallOmdb
from movies_service.use_cases import readiness

pytestmark = pytest.mark.integration


def test_index_links_to_existing_resources(client: TestClient) -> None:
    index = client.get("/").json()
    paths = client.get("/openapi.json").json()["paths"]
    gets = {path for path, calls in paths.items() if "get" in calls and "{" not in path}
    assert gets - {"/"} <= set(index.values())
    for name, url in index.items():
        if "{" not in url:
            calls = paths.get(url, {"get": {"security": [{}]}})
            expected = 405 if "get" not in calls else 200 if {} in calls["get"]["security"] else 401
            assert client.get(url).status_code == expected, name


@pytest.mark.parametrize("path", ["/nope", "/movie", "/docs/nope", "/health", "//", "/movies.json"])
def test_unknown_paths_return_a_problem(client: TestClient, path: str) -> None:
    response = client.get(f"http://testserver{path}")
    assert response.status_code == 404
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json()["code"] == "not-found"


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
def test_unknown_methods_return_the_allowed_ones(
    client: TestClient, method: str, path: str, allowed: set[str]
) -> None:
    response = client.request(method, path)
    assert response.status_code == 405
    assert set(response.headers["allow"].split(", ")) == allowed
    assert response.json()["code"] == "method-not-allowed"


def test_problems_have_the_members_of_rfc_9457(client: TestClient) -> None:
    problem = client.get("/movies/7").json()
    assert problem == {
        "type": "urn:movies-api:problem:not-found",
        "title": "Not Found",
        "status": 404,
        "detail": "No movie has this id.",
        "code": "not-found",
        "request_id": problem["request_id"],
    }


def test_an_unexpected_error_is_logged_and_returns_500_without_details(
    open_client: Callable[..., TestClient],
    omdb: SmallOmdb,
    read_log: ReadLog,
) -> None:
    omdb.error = ZeroDivisionError("hunter2")  # type: ignore[assignment]  # Not a MoviesError.
    response = open_client().post(
        "/movies", json={"title": "Alien"}, headers={"Origin": "https://a.example"}
    )
    assert response.status_code == 500
    assert response.json()["code"] == "internal-error"
    assert "hunter2" not in response.text
    assert response.headers["access-control-allow-origin"] == "*"
    error, request = (line for line in read_log() if line.get("request_id"))
    assert error["request_id"] == request["request_id"] == response.json()["request_id"]
    assert "ZeroDivisionError" in error["exception"]
    assert request["status"] == 500


def test_response_and_log_line_share_the_request_id(client: TestClient, read_log: ReadLog) -> None:
    response = client.get("/movies/7")
    request_id = response.headers["x-request-id"]
    assert response.json()["request_id"] == request_id
    (line,) = (line for line in read_log() if line["event"] == "http_request")
    assert (line["request_id"], line["path"], line["status"]) == (request_id, "/movies/7", 404)


def test_clients_may_send_a_request_id(client: TestClient) -> None:
    named = client.get("/", headers={"X-Request-ID": "order-7.a"})
    assert named.headers["x-request-id"] == "order-7.a"
    for unacceptable in ("a b", "x" * 65, "é", ""):
        response = client.get("/", headers=[(b"X-Request-ID", unacceptable.encode())])
        assert response.headers["x-request-id"] != unacceptable


def test_line_breaks_in_a_path_do_not_forge_log_lines(
    client: TestClient, capsys: pytest.CaptureFixture[str]
) -> None:
    configure_logs("info", "console")
    client.get("/movies/a%0D%0Aforged")
    logged = capsys.readouterr().err
    assert "forged" in logged
    assert "\nforged" not in logged


def test_long_paths_are_logged_in_part(client: TestClient, read_log: ReadLog) -> None:
    client.get("/" + "a" * 5_000)
    (line,) = (line for line in read_log() if line["event"] == "http_request")
    assert line["path"] == "/" + "a" * 255


def test_access_log_can_be_disabled(
    open_client: Callable[..., TestClient], read_log: ReadLog
) -> None:
    open_client(MiddlewareOptions(logs_requests=False)).get("/")
    assert [line for line in read_log() if line["event"] == "http_request"] == []


def test_cors_allows_every_origin_by_default(client: TestClient) -> None:
    for path in ("/movies", "/movies/7"):
        response = client.get(path, headers={"Origin": "https://a.example"})
        assert response.headers["access-control-allow-origin"] == "*"
    preflight = client.options(
        "/movies/1",
        headers={
            "Origin": "https://a.example",
            "Access-Control-Request-Method": "DELETE",
            "Access-Control-Request-Headers": "X-API-Key",
        },
    )
    assert preflight.status_code == 200


def test_cors_origins_can_be_restricted(open_client: Callable[..., TestClient]) -> None:
    client = open_client(MiddlewareOptions(cors_origins=("https://a.example",)))
    allowed = client.get("/", headers={"Origin": "https://a.example"})
    assert allowed.headers["access-control-allow-origin"] == "https://a.example"
    refused = client.get("/", headers={"Origin": "https://b.example"})
    assert "access-control-allow-origin" not in refused.headers


def test_liveness_and_readiness_differ(
    client: TestClient, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(readiness, "FRESH_SECONDS", 0)
    assert client.get("/health/live").json() == {"status": "live"}
    assert client.get("/health/ready").json() == {
        "status": "ready",
        "writes": "accepted",
    }
    schema.downgrade(database.engines)
    assert client.get("/health/live").status_code == 200
    response = client.get("/health/ready")
    assert response.status_code == 503
    assert response.json()["code"] == "database-unavailable"
    assert "retry-after" in response.headers


def test_documentation_loads_no_resources_from_other_hosts(client: TestClient) -> None:
    response = client.get("/docs")
    assert "unsafe" not in response.headers["content-security-policy"]
    assert "https://" not in response.text
    for line in response.text.splitlines():
        for attribute in ('src="', 'href="'):
            if attribute in line:
                asset = line.partition(attribute)[2].partition('"')[0]
                assert client.get(asset).status_code == 200


def test_body_limit_forwards_a_disconnect() -> None:
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
    asyncio.run(BodyLimitMiddleware(app, max_bytes=100, timeout_seconds=5)(scope, receive, send))
    assert [message["type"] for message in seen] == ["http.disconnect"] * 2


@pytest.mark.parametrize(
    "error", [MoviesError("Unknown error."), DatabaseUnavailable("It is locked.")]
)
def test_every_movies_error_has_a_response(
    client: TestClient, omdb: SmallOmdb, read_log: ReadLog, error: MoviesError
) -> None:
    omdb.error = error
    response = client.post("/movies", json={"title": "Alien"})
    assert response.status_code >= 500
    assert json.loads(response.text)["detail"]


def test_writes_are_visible_to_the_next_read(
    open_client: Callable[..., TestClient], database: Database, omdb: SmallOmdb, api_key: str
) -> None:
    omdb.movies = [MovieFacts(title="Alien", imdb_id="tt0078748")]
    client = open_client(MiddlewareOptions(cache=CacheOptions(revision=database.revision)))

    def read_total() -> tuple[int, bool]:
        response = client.get("/movies")
        return response.json()["total"], "hit" in response.headers["cache-status"]

    assert [read_total(), read_total()] == [(0, False), (0, True)]
    client.post("/movies", json={"title": "Alien"})
    assert [read_total(), read_total()] == [(1, False), (1, True)]
    client.delete("/movies/1", headers={"X-API-Key": api_key})
    assert [read_total(), read_total()] == [(0, False), (0, True)]


def test_metrics_count_handled_requests(
    open_client: Callable[..., TestClient], database: Database, omdb: SmallOmdb
) -> None:
    omdb.movies = [MovieFacts(title="Alien", imdb_id="tt0078748")]
    requests = RequestCounters()
    cache = CacheOptions(revision=database.revision, requests=requests)
    client = open_client(MiddlewareOptions(cache=cache, requests=requests))
    client.post("/movies", json={"title": "Alien"})
    for path in ("/movies", "/movies", "/movies/Alien", "/movies/7", "/nope"):
        client.get(path)
    client.head("/movies/Alien")
    response = client.get("/metrics")
    assert response.headers["content-type"].startswith("text/plain; version=0.0.4")
    lines = response.text.splitlines()
    counted = 'movies_http_requests_total{{method="GET",route="{}",status="{}"}} {}'
    for line in (
        counted.format("/movies", 200, 2.0),
        counted.format("/movies/{reference:path}", 200, 1.0),
        counted.format("/movies/{reference:path}", 404, 1.0),
        counted.format("unknown", 404, 1.0),
        counted.replace("GET", "HEAD").format("/movies/{reference:path}", 200, 1.0),
        'movies_http_request_duration_seconds_count{route="/movies"} 3.0',
        'movies_upstream_requests_total{outcome="asked"} 1.0',
        "movies_catalogue_size 1.0",
    ):
        assert line in lines
    assert 'le="+Inf",route="/movies"' in response.text


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
def test_requests_have_exactly_one_valid_host(hosts: list[str], version: str, status: int) -> None:
    sent: list[Message] = []

    async def app(_scope: Scope, _receive: Receive, send: Send) -> None:
        await Response()({"type": "http"}, _receive, send)

    async def send(message: Message) -> None:
        sent.append(message)

    async def receive() -> Message:
        return {"type": "http.request"}

    headers = [(b"host", host.encode()) for host in hosts]
    scope = {"type": "http", "http_version": version, "headers": headers}
    asyncio.run(SingleHeadersMiddleware(app)(scope, receive, send))
    assert sent[0]["status"] == status
    asyncio.run(SingleHeadersMiddleware(app)({"type": "lifespan"}, receive, send))


@pytest.mark.parametrize("has_started", [True, False])
def test_a_request_that_a_shutdown_cancels_gets_a_503(*, has_started: bool) -> None:
    sent: list[Message] = []

    async def app(_scope: Scope, receive: Receive, send: Send) -> None:
        if has_started:
            await send({"type": "http.response.start", "status": 200, "headers": []})
        await receive()

    async def send(message: Message) -> None:
        sent.append(message)

    async def scenario() -> None:
        scope = {"type": "http", "headers": []}
        never = asyncio.Event()
        request = RequestIdMiddleware(app)(scope, never.wait, send)  # type: ignore[arg-type]  # Never returns.
        task = asyncio.create_task(request)
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(scenario())
    starts = [message["status"] for message in sent if message["type"] == "http.response.start"]
    assert starts == [200 if has_started else 503]


def test_repeated_headers_are_rejected(client: TestClient) -> None:
    for name in ("Origin", "Authorization", "Content-Type", "Content-Length", "Host"):
        response = client.get("/movies", headers=[(name, "1"), (name, "1")])
        assert (response.status_code, response.json()["detail"]) == (
            400,
            f"Send one {name} header.",
        )


def test_rejects_queries_of_many_parameters(client: TestClient) -> None:
    query = "&".join(["a"] * PARAMETERS_MAX)
    assert "Unknown query parameter" in client.get(f"/movies?{query}").json()["detail"]
    for path in ("/movies", "/", "/fetches", "/nope"):
        response = client.get(f"{path}?{query}&a", headers={"Origin": "https://x.example"})
        assert response.status_code == 422
        assert response.headers["access-control-allow-origin"] == "*"
        message = "Send at most 32 query parameters."
        assert response.json()["errors"] == [{"field": "query", "message": message}]
