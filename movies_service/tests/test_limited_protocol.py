import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import uvicorn
from starlette.types import ASGIApp

from movies_service.middleware.body_limit import BodyLimit
from movies_service.response_cache.middleware import AnswerCache
from movies_service.response_cache.options import CacheOptions
from movies_service.server.cached_protocol import with_cache
from movies_service.server.limited_protocol import GuardedHttpProtocol, with_bounds
from movies_service.tests.conftest import KnownRevision
from movies_service.tests.test_cached_protocol import Surroundings

pytestmark = pytest.mark.integration

MAX_BYTES = 2_000
TIMEOUT_SECONDS = 0.5


@contextmanager
def served(app: ASGIApp, protocol: type[GuardedHttpProtocol]) -> Iterator[int]:
    """The port of a server with small bounds."""
    bounded = with_bounds(
        protocol, max_head_bytes=MAX_BYTES, request_timeout_seconds=TIMEOUT_SECONDS
    )
    config = uvicorn.Config(
        app, http=bounded, lifespan="off", log_config=None, server_header=False, ws="none"
    )
    server = uvicorn.Server(config)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        running = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        running.start()
        try:
            yield listener.getsockname()[1]
        finally:
            server.should_exit = True
            running.join()


@pytest.fixture(params=["cached", "plain"])
def port(request: pytest.FixtureRequest) -> Iterator[int]:
    """The port of a server with a cache, or without."""
    around = Surroundings()
    app = BodyLimit(around.answer, max_bytes=100, timeout_seconds=TIMEOUT_SECONDS)
    cache = AnswerCache(app, CacheOptions(revision=KnownRevision()))
    is_cached = request.param == "cached"
    protocol = with_cache(cache) if is_cached else GuardedHttpProtocol
    with served(cache if is_cached else app, protocol) as number:
        yield number


def talk(port: int, *sent: bytes, pause_seconds: float = 0.0) -> bytes:
    """Send bytes, and return all that comes until the server closes."""
    with socket.create_connection(("127.0.0.1", port), timeout=5) as client:
        for part in sent:
            client.sendall(part)
            time.sleep(pause_seconds)
        return b"".join(iter(lambda: client.recv(65_536), b""))


def problem_of(answer: bytes) -> tuple[int, str]:
    """Status and code of the one problem document that came."""
    head, _, body = answer.partition(b"\r\n\r\n")
    assert b"content-type: application/problem+json" in head
    assert b"connection: close" in head.lower()
    problem = json.loads(body)
    assert problem["request_id"].encode() in head or b"x-request-id" not in head
    assert head.startswith(b"HTTP/1.1 %d " % problem["status"])
    return problem["status"], problem["code"]


@pytest.mark.parametrize(
    "nonsense",
    [
        b"BREW / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost : h\r\n\r\n",
        b"GET / HTTP/1.1\r\nA: b\r\n continued\x00\r\n\r\n",
        b"GET /\xff HTTP/1.1\r\nHost: h\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"POST / HTTP/1.1\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
    ],
)
def test_what_is_no_request_is_told_so(port: int, nonsense: bytes) -> None:
    assert problem_of(talk(port, nonsense)) == (400, "malformed-request")


@pytest.mark.parametrize(
    "head",
    [
        b"GET /" + b"x" * MAX_BYTES + b" HTTP/1.1\r\nHost: h\r\n\r\n",
        b"GET /?" + b"x" * MAX_BYTES + b" HTTP/1.1\r\nHost: h\r\n\r\n",
        b"GET / HTTP/1.1\r\nX: " + b"x" * MAX_BYTES + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 1_000 + b"\r\n",
        b"GET / HTTP/1.1\r\nX: " + b"x" * 200_000 + b"\r\n\r\n",
    ],
)
def test_a_head_that_is_too_large_is_refused(port: int, head: bytes) -> None:
    assert problem_of(talk(port, head)) == (431, "head-too-large")
    halves = head[:1_500], head[1_500:3_000]
    assert problem_of(talk(port, *halves, pause_seconds=0.05)) == (431, "head-too-large")


def test_a_large_body_is_no_large_head(port: int) -> None:
    head = b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n" % (2 * MAX_BYTES)
    assert problem_of(talk(port, head + b"x" * 2 * MAX_BYTES)) == (413, "body-too-large")


def test_a_large_part_of_several_requests_is_no_large_head(port: int) -> None:
    many = b"GET / HTTP/1.1\r\nHost: h\r\n\r\n" * 100
    answers = talk(port, many + b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n")
    assert answers.count(b"HTTP/1.1 200 OK") == 101


@pytest.mark.parametrize("sent", [b"", b"GET / HT", b"GET / HTTP/1.1\r\nHost: h\r\n"])
def test_a_head_that_takes_too_long_is_refused(port: int, sent: bytes) -> None:
    assert problem_of(talk(port, sent)) == (408, "request-timeout")


def test_so_is_one_behind_a_request_that_was_answered(port: int) -> None:
    answers = talk(port, b"GET / HTTP/1.1\r\nHost: h\r\n\r\n", b"GET / HT", pause_seconds=0.05)
    assert answers.startswith(b"HTTP/1.1 200 OK")
    assert problem_of(answers[answers.index(b"HTTP/1.1 408") :]) == (408, "request-timeout")


def test_a_body_that_takes_too_long_is_refused(port: int) -> None:
    head = b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 50\r\n\r\n"
    assert problem_of(talk(port, head, b"slow")) == (408, "request-timeout")


def test_a_head_that_comes_in_parts_but_in_time_is_answered(port: int) -> None:
    parts = b"GET / HT", b"TP/1.1\r\nConnection: clo", b"se\r\n\r\n"
    assert talk(port, *parts, pause_seconds=0.05).startswith(b"HTTP/1.1 200 OK")
