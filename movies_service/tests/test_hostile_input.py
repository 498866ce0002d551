"""Hostile requests: each gets a problem document with a 4xx status that repeats no input."""

import gzip
import json
import re
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from data_layer.database import Database
from data_layer.entities.scope import Scope
from movies_service.accounts.api_key_secrets import PATTERN
from movies_service.accounts.api_keys import ApiKeys
from movies_service.tests.service_process import Service, running

pytestmark = pytest.mark.integration

CANARY = "hunter2canary"


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Service, int]]:
    """Yield a service without movies, and its port."""
    settings = {"MOVIES_SEED": "off", "MOVIES_RATE_LIMIT_REQUESTS": "off"}
    with running(
        tmp_path_factory.mktemp("hostile"), MOVIES_REQUEST_TIMEOUT_SECONDS="2", **settings
    ) as started:
        yield started, int(started.url().rpartition(":")[2])


def exchange(port: int, raw: bytes) -> tuple[int, dict[str, str], bytes]:
    """Send raw bytes, and return status, headers and body of the response."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as client:
        client.sendall(raw)
        received = b""
        while part := client.recv(65_536):
            received += part
    head, _, body = received.partition(b"\r\n\r\n")
    lines = head.decode("latin-1").split("\r\n")
    headers = dict(line.lower().split(": ", 1) for line in lines[1:])
    return int(lines[0].split()[1]), headers, body


def post(body: bytes, *headers: str) -> bytes:
    """Return a POST request with this body."""
    lines = ["POST /movies HTTP/1.1", "Host: x", "Connection: close", *headers]
    if not any(line.startswith("Content-Type") for line in headers):
        lines.append("Content-Type: application/json")
    lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def get(path: str, *headers: str, method: str = "GET", host: str = "Host: x\r\n") -> bytes:
    """Return a request without a body."""
    lines = "".join(f"{line}\r\n" for line in headers)
    return f"{method} {path} HTTP/1.1\r\n{host}{lines}Connection: close\r\n\r\n".encode("latin-1")


BOMB = gzip.compress(b"0" * 10_000_000)

HOSTILE = {
    "duplicate names": (400, post(b'{"title": "a", "title": "hunter2canary"}')),
    "duplicate names inside": (400, post(b'{"title": {"a": 1, "a": 2}}')),
    "NaN": (400, post(b'{"title": "a", "year": NaN}')),
    "Infinity": (400, post(b'{"title": "a", "year": -Infinity}')),
    "too deep": (400, post(b"[" * 60_000)),
    "too deep, closed": (400, post(b"[" * 5_000 + b"]" * 5_000)),
    "deep objects": (400, post(b'{"a":' * 5_000 + b"1" + b"}" * 5_000)),
    "a number of many digits": (400, post(b'{"title": "a", "year": ' + b"9" * 10_000 + b"}")),
    "a truncated body": (400, post(b'{"title": "hunter2canary')),
    "invalid UTF-8": (400, post(b'{"title": "\xff\xfe"}')),
    "UTF-16": (400, post('{"title": "a"}'.encode("utf-16"))),
    "a surrogate": (422, post(b'{"title": "\\ud800"}')),
    "NUL": (422, post(b'{"title": "a\\u0000"}')),
    "a title of CRLF": (422, post(b'{"title": "\\r\\n"}')),
    "a prototype": (422, post(b'{"__proto__": {"title": "hunter2canary"}}')),
    "too large": (413, post(b" " * 65_537)),
    "gzip": (415, post(BOMB[:1000], "Content-Encoding: gzip")),
    "a gzip bomb": (415, post(BOMB, "Content-Encoding: gzip")),
    "text": (415, post(b'{"title": "a"}', "Content-Type: text/plain")),
    "a form": (415, post(b"title=a", "Content-Type: application/x-www-form-urlencoded")),
    "an unknown charset": (400, post(b"\xe9", "Content-Type: application/json; charset=latin1")),
    "no host": (400, get("/movies", host="")),
    "two hosts": (400, get("/movies", "Host: y")),
    "an invalid host": (400, get("/movies", host="Host: <script>hunter2canary\r\n")),
    "an unknown method": (400, get("/movies", method="HUNTER2CANARY")),
    "an unsupported method": (405, get("/movies", method="PUT")),
    "TRACE": (405, get("/", method="TRACE")),
    "CONNECT": (400, get("hunter2canary:443", method="CONNECT")),
    "dots": (404, get("/movies/../hunter2canary")),
    "dots, encoded": (404, get("/movies/%2e%2e/hunter2canary")),
    "dots in files": (404, get("/docs/files/../../hunter2canary")),
    "dots in files, encoded": (404, get("/docs/files/..%2f..%2fhunter2canary")),
    "NUL in files": (404, get("/docs/files/%00")),
    "a long name in files": (404, get("/docs/files/" + "a" * 5_000)),
    "two slashes": (404, get("//hunter2canary")),
    "NUL in a path": (422, get("/movies/%00")),
    "CRLF in a path": (404, get("/movies/a%0d%0aX-Evil:%20hunter2canary")),
    "CRLF in a query": (422, get("/movies?hunter2canary=%0d%0aX-Evil:%201")),
    "a parameter twice": (422, get("/movies?year=1979&year=1980")),
    "a query of 1,000 parameters": (
        422,
        get("/movies?" + "&".join(f"a{n}=1" for n in range(1_000))),
    ),
    "a large query": (431, get("/movies?title=" + "a" * 20_000)),
    "a large header": (431, get("/movies", "Cookie: " + "a" * 20_000)),
    "many headers": (
        431,
        get("/movies", *(f"X-{number}: hunter2canary" for number in range(1_000))),
    ),
    "two lengths": (400, get("/movies", "Content-Length: 3", "Content-Length: 4")),
    "length and chunks": (400, get("/movies", "Content-Length: 3", "Transfer-Encoding: chunked")),
    "a bare line feed": (400, b"GET /movies HTTP/1.1\nHost: x\n\n"),
    "a folded header": (400, get("/movies", "X-A: b", " folded")),
    "a blank before the colon": (400, get("/movies", "X-A : b")),
    "a foreign key": (401, get("/movies", "X-API-Key: hunter2canary")),
    "a foreign token": (401, get("/movies", "Authorization: Bearer hunter2canary")),
    "a key of bytes": (401, get("/movies", "X-API-Key: \xff\xfe")),
    "an impossible Idempotency-Key": (
        422,
        post(b'{"title": "a"}', "Idempotency-Key: a hunter2canary"),
    ),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_rejects_a_hostile_request_with_a_problem_document(
    service: tuple[Service, int], name: str
) -> None:
    status, raw = HOSTILE[name]
    actual_status, headers, body = exchange(service[1], raw)
    assert actual_status == status
    assert headers["content-type"] == "application/problem+json"
    assert headers["x-content-type-options"] == "nosniff"
    assert "x-evil" not in headers
    document = json.loads(body)
    assert document["status"] == status
    assert CANARY not in body.decode().lower()
    assert "Traceback" not in service[0].log.read_text()


@pytest.mark.parametrize("range_", ["bytes=0-1", "bytes=99999999999-", "bytes=x", "bytes=0-,1-,2-"])
def test_ignores_range_requests(service: tuple[Service, int], range_: str) -> None:
    for path in ("/docs/files/swagger-ui.css", "/movies"):
        assert exchange(service[1], get(path, f"Range: {range_}"))[0] == 200


def test_rejects_an_incomplete_body_with_a_408(service: tuple[Service, int]) -> None:
    head = post(b"x" * 1_000).partition(b"x")[0]
    started = time.monotonic()
    assert exchange(service[1], head)[0] == 408
    assert time.monotonic() - started < 8


def test_ignores_a_websocket_upgrade(service: tuple[Service, int]) -> None:
    upgrade = ("Upgrade: websocket", "Sec-WebSocket-Key: x", "Sec-WebSocket-Version: 13")
    raw = get("/movies", *upgrade).replace(b"Connection: close", b"Connection: close, Upgrade")
    assert exchange(service[1], raw)[0] == 200


def test_input_cannot_add_lines_to_the_log(service: tuple[Service, int]) -> None:
    before = len(service[0].log.read_text().splitlines())
    for raw in (
        get("/movies/a%0d%0aforged%20line"),
        get("/movies", "X-Request-ID: a%0d%0aforged"),
        get("/movies", "User-Agent: forged\tline"),
    ):
        exchange(service[1], raw)
    lines = service[0].log.read_text().splitlines()[before:]
    assert len(lines) <= 3
    assert not any(re.match(r"forged", line) for line in lines)


def test_no_secret_is_logged_returned_or_stored(tmp_path: Path) -> None:
    """Search log, responses, metrics, audit log and database after requests with every secret."""
    secret, password = "s" * 20 + "-operators-secret", "hunter2 hunter2"
    settings = {"MOVIES_LOG_FORMAT": "json", "MOVIES_LOG_LEVEL": "debug", "MOVIES_SEED": "off"}
    texts: list[str] = []
    with running(tmp_path, MOVIES_JWT_SECRET=secret, **settings) as service:
        url = service.url()
        requests.get(f"{url}/movies", timeout=5)
        admin = _create_key(tmp_path)
        session = requests.Session()
        session.headers["X-API-Key"] = admin

        def call(method: str, path: str, **options: object) -> requests.Response:
            response = session.request(method, f"{url}{path}", timeout=10, **options)  # type: ignore[arg-type]  # Options of several types.
            if response.status_code >= 400 or method == "GET":
                texts.append(response.text)
            return response

        user = {"username": "alice", "password": password, "scopes": ["admin"]}
        call("POST", "/users", json=user)
        new_key = {"name": "x", "scopes": ["admin"]}
        new = call("POST", "/api-keys", json=new_key, headers={"Idempotency-Key": "1"}).json()
        rotated = call("POST", f"{new['self_url']}/rotate").json()
        del session.headers["X-API-Key"]
        tokens = call("POST", "/login", data={"username": "alice", "password": password}).json()
        fresh = call(
            "POST", "/login/refresh", json={"refresh_token": tokens["refresh_token"]}
        ).json()
        bearer = {"Authorization": f"Bearer {fresh['access_token']}"}
        call("GET", "/me", headers={"Authorization": f"Bearer {tokens['access_token']}x"})
        call("GET", "/me", headers={"X-API-Key": rotated["key"][:-1]})
        call("POST", "/login", json={"username": "alice", "password": f"{password}!"})
        call("POST", "/login", json={"username": password, "password": password, "x": password})
        call("POST", f"/login?password={password}", json={})
        change = {"password": password, "new_password": f"{password} new"}
        for path in ("/metrics", "/audit", "/users", "/api-keys"):
            call("GET", path, headers=bearer)
        call("POST", "/me/password", json=change, headers=bearer)
        service.stop()
        texts.append(service.log.read_text())
    database = b"".join(path.read_bytes() for path in tmp_path.glob("movies.db*"))
    texts.append(database.decode("latin-1"))
    secrets = [
        secret,
        password,
        admin,
        new["key"],
        rotated["key"],
        *(pair[name] for pair in (tokens, fresh) for name in ("access_token", "refresh_token")),
    ]
    assert len(texts) > 8
    for text in texts:
        assert [each for each in secrets if each in text] == []
        assert PATTERN.search(text) is None


def _create_key(tmp_path: Path) -> str:
    """Create an API key with the scope `admin`, and return its secret."""
    database = Database(f"sqlite:///{tmp_path / 'movies.db'}")
    try:
        return ApiKeys(database.unit_of_work).create("admin", {Scope.ADMIN}).secret
    finally:
        database.close()
