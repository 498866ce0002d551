"""Every hostile request is answered well: a problem document below 500 that repeats nothing."""

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
from movies_service.accounts.api_key_format import PATTERN
from movies_service.accounts.api_keys import ApiKeys
from movies_service.tests.service_process import Service, running

pytestmark = pytest.mark.integration

CANARY = "hunter2canary"


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Service, int]]:
    """A service without films, and its port."""
    settings = {"MOVIES_SEED": "off", "MOVIES_LIMIT_REQUESTS": "off"}
    with running(
        tmp_path_factory.mktemp("hostile"), MOVIES_REQUEST_TIMEOUT_SECONDS="2", **settings
    ) as started:
        yield started, int(started.url().rpartition(":")[2])


def ask(port: int, raw: bytes) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and body of the answer to these bytes."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as client:
        client.sendall(raw)
        received = b""
        while part := client.recv(65_536):
            received += part
    head, _, body = received.partition(b"\r\n\r\n")
    lines = head.decode("latin-1").split("\r\n")
    headers = dict(line.lower().split(": ", 1) for line in lines[1:])
    return int(lines[0].split()[1]), headers, body


def posted(body: bytes, *headers: str) -> bytes:
    """A POST of this body."""
    lines = ["POST /movies HTTP/1.1", "Host: x", "Connection: close", *headers]
    if not any(line.startswith("Content-Type") for line in headers):
        lines.append("Content-Type: application/json")
    lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def got(path: str, *headers: str, method: str = "GET", host: str = "Host: x\r\n") -> bytes:
    """A request without a body."""
    lines = "".join(f"{line}\r\n" for line in headers)
    return f"{method} {path} HTTP/1.1\r\n{host}{lines}Connection: close\r\n\r\n".encode("latin-1")


BOMB = gzip.compress(b"0" * 10_000_000)

HOSTILE = {
    "duplicate names": (400, posted(b'{"title": "a", "title": "hunter2canary"}')),
    "duplicate names inside": (400, posted(b'{"title": {"a": 1, "a": 2}}')),
    "NaN": (400, posted(b'{"title": "a", "year": NaN}')),
    "Infinity": (400, posted(b'{"title": "a", "year": -Infinity}')),
    "too deep": (400, posted(b"[" * 60_000)),
    "too deep, closed": (400, posted(b"[" * 5_000 + b"]" * 5_000)),
    "deep objects": (400, posted(b'{"a":' * 5_000 + b"1" + b"}" * 5_000)),
    "a number of many digits": (400, posted(b'{"title": "a", "year": ' + b"9" * 10_000 + b"}")),
    "half a body": (400, posted(b'{"title": "hunter2canary')),
    "no UTF-8": (400, posted(b'{"title": "\xff\xfe"}')),
    "UTF-16": (400, posted('{"title": "a"}'.encode("utf-16"))),
    "a surrogate": (422, posted(b'{"title": "\\ud800"}')),
    "NUL": (422, posted(b'{"title": "a\\u0000"}')),
    "a title of CRLF": (422, posted(b'{"title": "\\r\\n"}')),
    "a prototype": (422, posted(b'{"__proto__": {"title": "hunter2canary"}}')),
    "too large": (413, posted(b" " * 65_537)),
    "gzip": (415, posted(BOMB[:1000], "Content-Encoding: gzip")),
    "a gzip bomb": (415, posted(BOMB, "Content-Encoding: gzip")),
    "text": (415, posted(b'{"title": "a"}', "Content-Type: text/plain")),
    "a form": (415, posted(b"title=a", "Content-Type: application/x-www-form-urlencoded")),
    "an unknown charset": (400, posted(b"\xe9", "Content-Type: application/json; charset=latin1")),
    "no host": (400, got("/movies", host="")),
    "two hosts": (400, got("/movies", "Host: y")),
    "a host that is none": (400, got("/movies", host="Host: <script>hunter2canary\r\n")),
    "an unknown method": (400, got("/movies", method="HUNTER2CANARY")),
    "a method we do not have": (405, got("/movies", method="PUT")),
    "TRACE": (405, got("/", method="TRACE")),
    "CONNECT": (400, got("hunter2canary:443", method="CONNECT")),
    "dots": (404, got("/movies/../hunter2canary")),
    "dots, encoded": (404, got("/movies/%2e%2e/hunter2canary")),
    "dots in files": (404, got("/docs/files/../../hunter2canary")),
    "dots in files, encoded": (404, got("/docs/files/..%2f..%2fhunter2canary")),
    "NUL in files": (404, got("/docs/files/%00")),
    "a long name in files": (404, got("/docs/files/" + "a" * 5_000)),
    "two slashes": (404, got("//hunter2canary")),
    "NUL in a path": (422, got("/movies/%00")),
    "CRLF in a path": (404, got("/movies/a%0d%0aX-Evil:%20hunter2canary")),
    "CRLF in a query": (422, got("/movies?hunter2canary=%0d%0aX-Evil:%201")),
    "a parameter twice": (422, got("/movies?year=1979&year=1980")),
    "a query of 1,000 parameters": (
        422,
        got("/movies?" + "&".join(f"a{n}=1" for n in range(1_000))),
    ),
    "a large query": (431, got("/movies?title=" + "a" * 20_000)),
    "a large header": (431, got("/movies", "Cookie: " + "a" * 20_000)),
    "many headers": (
        431,
        got("/movies", *(f"X-{number}: hunter2canary" for number in range(1_000))),
    ),
    "two lengths": (400, got("/movies", "Content-Length: 3", "Content-Length: 4")),
    "length and chunks": (400, got("/movies", "Content-Length: 3", "Transfer-Encoding: chunked")),
    "a bare line feed": (400, b"GET /movies HTTP/1.1\nHost: x\n\n"),
    "a folded header": (400, got("/movies", "X-A: b", " folded")),
    "a blank before the colon": (400, got("/movies", "X-A : b")),
    "a foreign key": (401, got("/movies", "X-API-Key: hunter2canary")),
    "a foreign token": (401, got("/movies", "Authorization: Bearer hunter2canary")),
    "a key of bytes": (401, got("/movies", "X-API-Key: \xff\xfe")),
    "an impossible Idempotency-Key": (
        422,
        posted(b'{"title": "a"}', "Idempotency-Key: a hunter2canary"),
    ),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_request_is_a_problem_below_500(service: tuple[Service, int], name: str) -> None:
    status, raw = HOSTILE[name]
    answered, headers, body = ask(service[1], raw)
    assert answered == status
    assert headers["content-type"] == "application/problem+json"
    assert headers["x-content-type-options"] == "nosniff"
    assert "x-evil" not in headers
    document = json.loads(body)
    assert document["status"] == status
    assert CANARY not in body.decode().lower()
    assert "Traceback" not in service[0].log.read_text()


@pytest.mark.parametrize("range_", ["bytes=0-1", "bytes=99999999999-", "bytes=x", "bytes=0-,1-,2-"])
def test_ranges_are_not_served(service: tuple[Service, int], range_: str) -> None:
    for path in ("/docs/files/swagger-ui.css", "/movies"):
        assert ask(service[1], got(path, f"Range: {range_}"))[0] == 200


def test_a_slow_body_ends(service: tuple[Service, int]) -> None:
    head = posted(b"x" * 1_000).partition(b"x")[0]
    started = time.monotonic()
    assert ask(service[1], head)[0] == 408
    assert time.monotonic() - started < 8


def test_a_web_socket_is_answered_in_http(service: tuple[Service, int]) -> None:
    upgrade = ("Upgrade: websocket", "Sec-WebSocket-Key: x", "Sec-WebSocket-Version: 13")
    raw = got("/movies", *upgrade).replace(b"Connection: close", b"Connection: close, Upgrade")
    assert ask(service[1], raw)[0] == 200


def test_what_clients_send_adds_no_line_to_the_log(service: tuple[Service, int]) -> None:
    before = len(service[0].log.read_text().splitlines())
    for raw in (
        got("/movies/a%0d%0aforged%20line"),
        got("/movies", "X-Request-ID: a%0d%0aforged"),
        got("/movies", "User-Agent: forged\tline"),
    ):
        ask(service[1], raw)
    lines = service[0].log.read_text().splitlines()[before:]
    assert len(lines) <= 3
    assert not any(re.match(r"forged", line) for line in lines)


def test_no_secret_is_written_anywhere(tmp_path: Path) -> None:
    """Log, errors, metrics, audit and database, after everything was done with everything."""
    secret, password = "s" * 20 + "-operators-secret", "hunter2 hunter2"
    settings = {"MOVIES_LOG_FORMAT": "json", "MOVIES_LOG_LEVEL": "debug", "MOVIES_SEED": "off"}
    shown: list[str] = []
    with running(tmp_path, MOVIES_JWT_SECRET=secret, **settings) as service:
        url = service.url()
        requests.get(f"{url}/movies", timeout=5)
        admin = _made_key(tmp_path)
        session = requests.Session()
        session.headers["X-API-Key"] = admin

        def call(method: str, path: str, **more: object) -> requests.Response:
            answer = session.request(method, f"{url}{path}", timeout=10, **more)  # type: ignore[arg-type]  # As requests takes them.
            if answer.status_code >= 400 or method == "GET":
                shown.append(answer.text)
            return answer

        user = {"username": "alice", "password": password, "scopes": ["admin"]}
        call("POST", "/users", json=user)
        wanted = {"name": "x", "scopes": ["admin"]}
        new = call("POST", "/api-keys", json=wanted, headers={"Idempotency-Key": "1"}).json()
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
        wanted = {"password": password, "new_password": f"{password} new"}
        for path in ("/metrics", "/audit", "/users", "/api-keys"):
            call("GET", path, headers=bearer)
        call("POST", "/me/password", json=wanted, headers=bearer)
        service.stop()
        shown.append(service.log.read_text())
    database = b"".join(path.read_bytes() for path in tmp_path.glob("movies.db*"))
    shown.append(database.decode("latin-1"))
    secrets = [
        secret,
        password,
        admin,
        new["key"],
        rotated["key"],
        *(pair[name] for pair in (tokens, fresh) for name in ("access_token", "refresh_token")),
    ]
    assert len(shown) > 8
    for text in shown:
        assert [each for each in secrets if each in text] == []
        assert PATTERN.search(text) is None


def _made_key(tmp_path: Path) -> str:
    database = Database(f"sqlite:///{tmp_path / 'movies.db'}")
    try:
        return ApiKeys(database.unit_of_work).create("admin", {Scope.ADMIN}).secret
    finally:
        database.close()
