import re
import socket
import threading
from collections.abc import Iterator

import pytest
import requests
import uvicorn
from starlette.types import Receive, Scope, Send

from movies_service.response_cache.middleware import ResponseCacheMiddleware
from movies_service.response_cache.options import CacheOptions
from movies_service.server.cached_protocol import with_cache
from movies_service.tests.conftest import KnownRevision

pytestmark = pytest.mark.integration

BODY = b"x" * 10_000
ETAG = '"abc"'


class CountedApp:
    """An app behind a cache, with counters of the calls to both."""

    def __init__(self) -> None:
        self.app_calls = self.cache_calls = 0
        self.options = CacheOptions(revision=KnownRevision())
        self.cache = ResponseCacheMiddleware(self.app, self.options)

    async def app(self, scope: Scope, receive: Receive, send: Send) -> None:
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
def counted() -> CountedApp:
    return CountedApp()


@pytest.fixture
def port(counted: CountedApp) -> Iterator[int]:
    """Yield the port of a server whose cache contains the response to `GET /`."""
    config = uvicorn.Config(
        counted,
        http=with_cache(counted.cache),
        lifespan="off",
        log_config=None,
        server_header=False,
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
    """Send bytes, and return all received bytes until the server closes the connection."""
    with socket.create_connection(("127.0.0.1", port), timeout=5) as client:
        client.sendall(sent)
        return b"".join(iter(lambda: client.recv(65_536), b""))


def test_hits_are_sent_without_a_task(counted: CountedApp, port: int) -> None:
    calls = counted.cache_calls
    with requests.Session() as client:
        responses = [client.get(f"http://127.0.0.1:{port}/", timeout=5) for _ in range(5)]
    assert {response.content for response in responses} == {BODY}
    assert counted.cache_calls == calls
    assert counted.app_calls == 1
    assert counted.options.counts.hits == 5
    assert counted.options.requests.by_kind["GET", "unknown", 200] == 5
    assert len({response.headers["X-Request-ID"] for response in responses}) == 5


def test_headers_equal_those_of_the_middleware(
    monkeypatch: pytest.MonkeyPatch, counted: CountedApp, port: int
) -> None:
    url = f"http://127.0.0.1:{port}/"
    short = requests.get(url, headers={"X-Request-ID": "mine"}, timeout=5)
    monkeypatch.setattr(counted.cache, "get_raw_response", lambda _scope, _tokens: None)
    long = requests.get(url, headers={"X-Request-ID": "mine"}, timeout=5)
    assert counted.cache_calls == 2
    assert dict(short.headers) == dict(long.headers) | {"date": short.headers["date"]}
    assert short.headers["X-Request-ID"] == "mine"
    assert short.headers["Cache-Status"].startswith("movies-api; hit; ttl=")


def test_a_newer_seen_revision_bypasses_the_cache(counted: CountedApp, port: int) -> None:
    url, calls = f"http://127.0.0.1:{port}/", counted.app_calls
    statuses = [
        requests.get(url, headers={"Catalogue-Revision": seen}, timeout=5).headers["Cache-Status"]
        for seen in ("1", "2")
    ]
    assert statuses[0].startswith("movies-api; hit")
    assert statuses[1] == "movies-api; fwd=request"
    assert counted.app_calls == calls + 1


def test_a_matching_etag_and_head_get_no_body(counted: CountedApp, port: int) -> None:
    calls = counted.cache_calls
    url = f"http://127.0.0.1:{port}/"
    known = requests.get(
        url, headers={"If-None-Match": ETAG, "Accept-Encoding": "identity"}, timeout=5
    )
    assert (known.status_code, known.content) == (304, b"")
    head = requests.head(url, headers={"Accept-Encoding": "identity"}, timeout=5)
    assert (head.status_code, head.headers["Content-Length"]) == (200, str(len(BODY)))
    assert counted.cache_calls == calls


@pytest.mark.parametrize(
    "request_lines", [b"GET / HTTP/1.1\r\nConnection: close\r\n", b"GET / HTTP/1.0\r\n"]
)
def test_closes_the_connection_on_request(port: int, request_lines: bytes) -> None:
    response = talk(port, request_lines + b"Host: h\r\n\r\n")
    head, _, body = response.partition(b"\r\n\r\n")
    assert head.endswith(b"connection: close")
    assert body == BODY


def test_pipelined_requests_are_answered_in_order(counted: CountedApp, port: int) -> None:
    known = b"GET / HTTP/1.1\r\nHost: h\r\n\r\n"
    with_body = b"GET / HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\nbody"
    unknown = b"GET /other HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"
    responses = talk(port, known + with_body + known + unknown)
    assert responses.count(b"HTTP/1.1 200 OK") == 4
    statuses = re.findall(rb"cache-status: movies-api; (hit|fwd=[a-z]+)", responses)
    assert statuses == [b"hit", b"fwd=bypass", b"hit", b"fwd=miss"]
    assert counted.app_calls == 3


def test_waits_for_a_client_that_does_not_read(counted: CountedApp, port: int) -> None:
    count = 3_000
    sent = b"GET / HTTP/1.1\r\nHost: h\r\n\r\n" * (count - 1)
    sent += b"GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"
    calls = counted.cache_calls
    received = talk(port, sent)
    assert received.count(b"HTTP/1.1 200 OK") == received.count(BODY) == count
    assert counted.app_calls == 1
    assert counted.cache_calls > calls  # While the write buffer was full.


def test_other_requests_reach_the_app(counted: CountedApp, port: int) -> None:
    url = f"http://127.0.0.1:{port}/"
    assert requests.post(url, timeout=5).status_code == 200
    keyed = requests.get(url, headers={"X-API-Key": "key"}, timeout=5)
    assert keyed.headers["Cache-Status"] == "movies-api; fwd=bypass"
    assert counted.app_calls == 3


def test_many_pipelined_hits_behind_a_miss_are_answered(port: int) -> None:
    hits = b"GET / HTTP/1.1\r\nHost: h\r\n\r\n" * 600
    last = b"GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"
    responses = talk(port, b"GET /other HTTP/1.1\r\nHost: h\r\n\r\n" + hits + last)
    assert responses.count(b"HTTP/1.1 200 OK") == 602
