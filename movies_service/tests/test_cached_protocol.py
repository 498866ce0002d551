import re
import socket
import threading
from collections.abc import Iterator

import pytest
import requests
import uvicorn
from starlette.types import Receive, Scope, Send

from movies_service.response_cache.middleware import AnswerCache
from movies_service.response_cache.options import CacheOptions
from movies_service.server.cached_protocol import with_cache
from movies_service.tests.conftest import KnownRevision

pytestmark = pytest.mark.integration

BODY = b"x" * 10_000
ETAG = '"abc"'


class Surroundings:
    """An app that is counted, a cache around it, and a server around that."""

    def __init__(self) -> None:
        self.app_calls = self.cache_calls = 0
        self.options = CacheOptions(revision=KnownRevision())
        self.cache = AnswerCache(self.answer, self.options)

    async def answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.app_calls += 1
        headers = {"etag": ETAG, "cache-control": "public", "content-length": str(len(BODY))}
        headers |= {"content-type": "text/plain"}
        raw = [(name.encode(), value.encode()) for name, value in headers.items()]
        await send({"type": "http.response.start", "status": 200, "headers": raw})
        await send({"type": "http.response.body", "body": BODY})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.cache_calls += 1
        await self.cache(scope, receive, send)


@pytest.fixture
def around() -> Surroundings:
    return Surroundings()


@pytest.fixture
def port(around: Surroundings) -> Iterator[int]:
    """The port of a server whose cache has one answer, to `GET /`."""
    config = uvicorn.Config(
        around, http=with_cache(around.cache), lifespan="off", log_config=None, server_header=False
    )
    server = uvicorn.Server(config)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        running = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        running.start()
        number: int = listener.getsockname()[1]
        assert requests.get(f"http://127.0.0.1:{number}/", timeout=5).content == BODY
        yield number
        server.should_exit = True
        running.join()


def talk(port: int, sent: bytes) -> bytes:
    """Send bytes, and return all that comes until the server closes."""
    with socket.create_connection(("127.0.0.1", port), timeout=5) as client:
        client.sendall(sent)
        return b"".join(iter(lambda: client.recv(65_536), b""))


def test_what_is_kept_is_sent_without_a_task(around: Surroundings, port: int) -> None:
    calls = around.cache_calls
    with requests.Session() as client:
        answers = [client.get(f"http://127.0.0.1:{port}/", timeout=5) for _ in range(5)]
    assert {answer.content for answer in answers} == {BODY}
    assert around.cache_calls == calls
    assert around.app_calls == 1
    assert around.options.counts.hits == 5
    assert around.options.requests.by_kind["GET", "unknown", 200] == 5
    assert len({answer.headers["X-Request-ID"] for answer in answers}) == 5


def test_says_what_the_app_around_it_would_say(
    monkeypatch: pytest.MonkeyPatch, around: Surroundings, port: int
) -> None:
    url = f"http://127.0.0.1:{port}/"
    short = requests.get(url, headers={"X-Request-ID": "mine"}, timeout=5)
    monkeypatch.setattr(around.cache, "answer_now", lambda _scope, _purse: None)
    long = requests.get(url, headers={"X-Request-ID": "mine"}, timeout=5)
    assert around.cache_calls == 2
    assert dict(short.headers) == dict(long.headers) | {"date": short.headers["date"]}
    assert short.headers["X-Request-ID"] == "mine"
    assert short.headers["Cache-Status"].startswith("movies-api; hit; ttl=")


def test_who_has_seen_a_newer_catalogue_is_not_answered_at_once(
    around: Surroundings, port: int
) -> None:
    url, calls = f"http://127.0.0.1:{port}/", around.app_calls
    statuses = [
        requests.get(url, headers={"Catalogue-Revision": seen}, timeout=5).headers["Cache-Status"]
        for seen in ("1", "2")
    ]
    assert statuses[0].startswith("movies-api; hit")
    assert statuses[1] == "movies-api; fwd=request"
    assert around.app_calls == calls + 1


def test_a_client_that_has_it_gets_no_body(around: Surroundings, port: int) -> None:
    calls = around.cache_calls
    url = f"http://127.0.0.1:{port}/"
    known = requests.get(
        url, headers={"If-None-Match": ETAG, "Accept-Encoding": "identity"}, timeout=5
    )
    assert (known.status_code, known.content) == (304, b"")
    head = requests.head(url, headers={"Accept-Encoding": "identity"}, timeout=5)
    assert (head.status_code, head.headers["Content-Length"]) == (200, str(len(BODY)))
    assert around.cache_calls == calls


@pytest.mark.parametrize(
    "request_lines", [b"GET / HTTP/1.1\r\nConnection: close\r\n", b"GET / HTTP/1.0\r\n"]
)
def test_closes_the_connection_when_asked_to(port: int, request_lines: bytes) -> None:
    answer = talk(port, request_lines + b"Host: h\r\n\r\n")
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.endswith(b"connection: close")
    assert body == BODY


def test_requests_in_a_row_are_answered_in_a_row(around: Surroundings, port: int) -> None:
    known = b"GET / HTTP/1.1\r\nHost: h\r\n\r\n"
    with_body = b"GET / HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\nbody"
    unknown = b"GET /other HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"
    answers = talk(port, known + with_body + known + unknown)
    assert answers.count(b"HTTP/1.1 200 OK") == 4
    statuses = re.findall(rb"cache-status: movies-api; (hit|fwd=miss)", answers)
    assert statuses == [b"hit", b"hit", b"hit", b"fwd=miss"]
    assert around.app_calls == 2


def test_a_client_that_does_not_read_is_waited_for(around: Surroundings, port: int) -> None:
    wanted = 3_000
    asked = b"GET / HTTP/1.1\r\nHost: h\r\n\r\n" * (wanted - 1)
    asked += b"GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"
    calls = around.cache_calls
    received = talk(port, asked)
    assert received.count(b"HTTP/1.1 200 OK") == received.count(BODY) == wanted
    assert around.app_calls == 1
    assert around.cache_calls > calls  # While the client had to catch up.


def test_other_requests_reach_the_app(around: Surroundings, port: int) -> None:
    url = f"http://127.0.0.1:{port}/"
    assert requests.post(url, timeout=5).status_code == 200
    keyed = requests.get(url, headers={"X-API-Key": "key"}, timeout=5)
    assert keyed.headers["Cache-Status"] == "movies-api; fwd=bypass"
    assert around.app_calls == 3
