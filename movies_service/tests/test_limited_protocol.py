import asyncio
import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress

import pytest
import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send

from common.log_throttle import LogThrottle
from movies_service.middleware.body_limit import BodyLimitMiddleware
from movies_service.response_cache.middleware import ResponseCacheMiddleware
from movies_service.response_cache.options import CacheOptions
from movies_service.server import descriptor_limit
from movies_service.server.cached_protocol import with_cache
from movies_service.server.limited_protocol import LimitedHttpProtocol, with_limits
from movies_service.tests.conftest import KnownRevision, ReadLog
from movies_service.tests.test_cached_protocol import CountedApp

pytestmark = pytest.mark.integration

MAX_BYTES = 2_000
TIMEOUT_SECONDS = 0.5


@contextmanager
def served(
    app: ASGIApp, protocol: type[LimitedHttpProtocol], send_buffer_bytes: int | None = None
) -> Iterator[int]:
    """Yield the port of a server with low limits."""
    limited = with_limits(
        protocol, max_header_bytes=MAX_BYTES, request_timeout_seconds=TIMEOUT_SECONDS
    )
    config = uvicorn.Config(
        app,
        http=limited,
        lifespan="off",
        log_config=None,
        server_header=False,
        ws="none",
        timeout_keep_alive=1,
    )
    server = uvicorn.Server(config)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        if send_buffer_bytes is not None:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, send_buffer_bytes)
        running = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        running.start()
        try:
            yield listener.getsockname()[1]
        finally:
            server.should_exit = True
            running.join()


@pytest.fixture(params=["cached", "plain"])
def port(request: pytest.FixtureRequest) -> Iterator[int]:
    """Yield the port of a server with or without a cache."""
    counted = CountedApp()
    app = BodyLimitMiddleware(counted.app, max_bytes=100, timeout_seconds=TIMEOUT_SECONDS)
    cache = ResponseCacheMiddleware(app, CacheOptions(revision=KnownRevision()))
    is_cached = request.param == "cached"
    protocol = with_cache(cache) if is_cached else LimitedHttpProtocol
    with served(cache if is_cached else app, protocol) as number:
        yield number


def talk(port: int, *sent: bytes, pause_seconds: float = 0.0) -> bytes:
    """Send bytes in parts, and return all received bytes until the server closes."""
    with socket.create_connection(("127.0.0.1", port), timeout=5) as client:
        for part in sent:
            client.sendall(part)
            time.sleep(pause_seconds)
        return b"".join(iter(lambda: client.recv(65_536), b""))


def problem_of(response: bytes) -> tuple[int, str]:
    """Return status and code of a response that is a problem document."""
    head, _, body = response.partition(b"\r\n\r\n")
    assert b"content-type: application/problem+json" in head
    assert b"connection: close" in head.lower()
    problem = json.loads(body)
    assert problem["request_id"].encode() in head or b"x-request-id" not in head
    assert head.startswith(b"HTTP/1.1 %d " % problem["status"])
    return problem["status"], problem["code"]


@pytest.mark.parametrize(
    "malformed",
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
def test_malformed_requests_get_a_problem_document(port: int, malformed: bytes) -> None:
    assert problem_of(talk(port, malformed)) == (400, "malformed-request")


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
def test_large_headers_are_rejected(port: int, head: bytes) -> None:
    assert problem_of(talk(port, head)) == (431, "header-fields-too-large")
    halves = head[:1_500], head[1_500:3_000]
    assert problem_of(talk(port, *halves, pause_seconds=0.05)) == (
        431,
        "header-fields-too-large",
    )


def test_a_large_body_does_not_count_as_headers(port: int) -> None:
    head = b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n" % (2 * MAX_BYTES)
    assert problem_of(talk(port, head + b"x" * 2 * MAX_BYTES)) == (413, "body-too-large")


def test_pipelined_requests_are_measured_separately(port: int) -> None:
    many = b"GET / HTTP/1.1\r\nHost: h\r\n\r\n" * 100
    responses = talk(port, many + b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n")
    assert responses.count(b"HTTP/1.1 200 OK") == 101


@pytest.mark.parametrize("sent", [b"", b"GET / HT", b"GET / HTTP/1.1\r\nHost: h\r\n"])
def test_slow_headers_are_rejected(port: int, sent: bytes) -> None:
    assert problem_of(talk(port, sent)) == (408, "request-timeout")


def test_slow_headers_after_a_response_are_rejected(port: int) -> None:
    responses = talk(port, b"GET / HTTP/1.1\r\nHost: h\r\n\r\n", b"GET / HT", pause_seconds=0.05)
    assert responses.startswith(b"HTTP/1.1 200 OK")
    assert problem_of(responses[responses.index(b"HTTP/1.1 408") :]) == (408, "request-timeout")


def test_a_slow_body_is_rejected(port: int) -> None:
    head = b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 50\r\n\r\n"
    assert problem_of(talk(port, head, b"slow")) == (408, "request-timeout")


def test_headers_in_parts_are_accepted(port: int) -> None:
    parts = b"GET / HT", b"TP/1.1\r\nConnection: clo", b"se\r\n\r\n"
    assert talk(port, *parts, pause_seconds=0.05).startswith(b"HTTP/1.1 200 OK")


UPGRADE = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n"


def test_upgrades_are_ignored(port: int) -> None:
    first = b"POST /a HTTP/1.1\r\nHost: h\r\n" + UPGRADE + b"Content-Length: 4\r\n\r\nbody"
    second = b"GET /b HTTP/1.1\r\nHost: h\r\n" + UPGRADE + b"\r\n"
    last = b"GET /c HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"
    assert talk(port, first + second + last).count(b"HTTP/1.1 200 OK") == 3


def test_connect_is_no_upgrade(port: int) -> None:
    request = b"CONNECT h:80 HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"
    assert talk(port, request).startswith(b"HTTP/1.1 ")


def test_a_connection_whose_body_is_not_read_is_closed() -> None:
    async def app(_scope: Scope, _receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"early"})

    with served(app, LimitedHttpProtocol) as port:
        response = talk(port, b"GET / HTTP/1.1\r\nHost: h\r\nContent-Length: 999999\r\n\r\n.")
    assert b"early" in response


def test_a_cached_movie_requested_with_a_body_does_not_hold_the_connection(port: int) -> None:
    talk(port, b"GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
    response = talk(port, b"GET / HTTP/1.1\r\nHost: h\r\nContent-Length: 99\r\n\r\n.")
    assert problem_of(response) == (408, "request-timeout")


def test_idle_connections_make_room_when_descriptors_run_short(
    monkeypatch: pytest.MonkeyPatch, read_log: ReadLog
) -> None:
    monkeypatch.setattr(descriptor_limit, "_throttle", LogThrottle())
    with served(CountedApp(), LimitedHttpProtocol) as port, ExitStack() as stack:

        def connect() -> socket.socket:
            client = socket.create_connection(("127.0.0.1", port), timeout=5)
            return stack.enter_context(client)

        request = b"GET / HTTP/1.1\r\nHost: h\r\n\r\n"
        idle = connect()
        idle.sendall(request)
        assert idle.recv(12) == b"HTTP/1.1 200"
        monkeypatch.setattr(LimitedHttpProtocol, "descriptors_max", 0)
        accepted = connect()
        accepted.sendall(request)
        assert accepted.recv(12) == b"HTTP/1.1 200"
        b"".join(iter(lambda: idle.recv(65_536), b""))  # Ends, since the server closes.
    events = [line["event"] for line in read_log()]
    assert events.count("file_descriptors_exhausted") == 1


def test_a_connection_is_refused_when_none_is_idle(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(LimitedHttpProtocol, "descriptors_max", 0)
    with served(CountedApp(), LimitedHttpProtocol) as port:
        assert talk(port) == b""


def test_many_upgrades_in_one_read_are_rejected(port: int) -> None:
    request = b"GET /b HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n"
    assert b"Too many upgrade requests." in talk(port, request * 200)


def test_complete_pipelined_requests_do_not_count_as_large_headers(port: int) -> None:
    request = b"GET / HTTP/1.1\r\nHost: h\r\n\r\n"
    last = b"GET / HTTP/1.1\r\nConnection: close\r\nHost: h"
    responses = talk(port, request * 100 + last, b"\r\n\r\n", pause_seconds=0.05)
    assert responses.count(b"HTTP/1.1 200 OK") == 101


def test_a_client_that_does_not_read_is_disconnected(read_log: ReadLog) -> None:
    received = b""
    with (
        served(CountedApp(), LimitedHttpProtocol) as port,
        socket.create_connection(("127.0.0.1", port), timeout=5) as client,
    ):
        client.sendall(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n" * 3_000)
        time.sleep(3 * TIMEOUT_SECONDS)
        with suppress(ConnectionResetError):
            while data := client.recv(65_536):
                received += data
    assert received.count(b"HTTP/1.1 200 OK") < 3_000
    assert not [line for line in read_log() if line["level"] == "error"]


def test_trailers_are_bounded_and_never_headers() -> None:
    seen: list[tuple[bytes, bytes]] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        while (await receive()).get("more_body"):
            pass
        seen.extend(scope["headers"])
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"done"})

    head = b"POST / HTTP/1.1\r\nHost: h\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
    with served(app, LimitedHttpProtocol) as port:
        few = talk(port, head + b"1\r\nx\r\n0\r\n", b"X-Api-Key: y\r\n\r\n", pause_seconds=0.05)
        assert b"done" in few
        many = talk(port, head + b"1\r\nx\r\n0\r\n", b"a:\r\n" * 5_000, pause_seconds=0.05)
    assert problem_of(many) == (431, "header-fields-too-large")
    assert b"X-Api-Key" not in dict(seen)


def test_a_malformed_body_ends_its_request_quietly(read_log: ReadLog) -> None:
    ended: list[str] = []

    async def app(_scope: Scope, receive: Receive, _send: Send) -> None:
        ended.append((await receive())["type"])

    head = b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
    with served(app, LimitedHttpProtocol) as port:
        assert problem_of(talk(port, head + b"Z\r\n")) == (400, "malformed-request")
    assert ended == ["http.disconnect"]
    assert not [line for line in read_log() if line["level"] == "error"]


def test_requests_before_a_malformed_one_get_their_responses_first() -> None:
    async def app(_scope: Scope, _receive: Receive, send: Send) -> None:
        await asyncio.sleep(0.05)
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"done"})

    request = b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n\r\nx"
    bad_body = b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nZ\r\n"
    with served(app, LimitedHttpProtocol) as port:
        for bad in (b"BAD\r\n\r\n", bad_body):
            response = talk(port, request * 2 + bad, b"more")
            assert response.count(b"HTTP/1.1 200 OK") == 2
            assert problem_of(response[response.index(b"HTTP/1.1 400") :])[0] == 400


def test_the_client_with_the_most_connections_makes_room(monkeypatch: pytest.MonkeyPatch) -> None:
    def connect(stack: ExitStack, port: int, address: str) -> socket.socket:
        client = socket.create_connection(("127.0.0.1", port), 5, (address, 0))
        client.sendall(b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\n.")
        return stack.enter_context(client)

    async def app(_scope: Scope, receive: Receive, send: Send) -> None:
        while (await receive()).get("more_body"):
            pass
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"done"})

    with served(app, LimitedHttpProtocol) as port, ExitStack() as stack:
        attackers = [connect(stack, port, "127.0.0.2") for _ in range(3)]
        time.sleep(0.1)
        monkeypatch.setattr(LimitedHttpProtocol, "descriptors_max", 0)
        other = connect(stack, port, "127.0.0.3")
        other.sendall(b"........")
        assert other.recv(12) == b"HTTP/1.1 200"
        ended = 0
        for attacker in attackers:
            attacker.settimeout(0.2)
            with suppress(TimeoutError):
                try:
                    ended += attacker.recv(1) == b""
                except ConnectionResetError:
                    ended += 1
        assert ended == 1


def test_a_client_that_reads_late_gets_all_responses() -> None:
    request = b"GET / HTTP/1.1\r\nHost: h\r\n\r\n"
    last = b"GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"
    with (
        served(CountedApp(), LimitedHttpProtocol) as port,
        socket.create_connection(("127.0.0.1", port), timeout=5) as client,
    ):
        client.sendall(request * 1_000 + last)
        time.sleep(TIMEOUT_SECONDS / 2)
        received = b"".join(iter(lambda: client.recv(65_536), b""))
    assert received.count(b"HTTP/1.1 200 OK") == 1_001


def app_of_size(size_bytes: int) -> ASGIApp:
    async def app(_scope: Scope, _receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"x" * size_bytes})

    return app


def read_slowly(client: socket.socket, pause_seconds: float) -> int:
    """Return the number of bytes until the server closes the connection."""
    received = 0
    with suppress(ConnectionResetError):
        while data := client.recv(1_000_000):
            received += len(data)
            time.sleep(pause_seconds)
    return received


@pytest.mark.parametrize("header", [b"Connection: close\r\n", b""])
def test_a_closed_connection_does_not_wait_for_a_client_that_does_not_read(header: bytes) -> None:
    size = 60_000  # Below the mark at which writing is paused.
    with (
        served(app_of_size(size), LimitedHttpProtocol, send_buffer_bytes=4_096) as port,
        socket.socket() as client,
    ):
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        client.connect(("127.0.0.1", port))
        client.sendall(b"GET / HTTP/1.1\r\nHost: h\r\n" + header + b"\r\n")
        time.sleep(4 * TIMEOUT_SECONDS)
        assert read_slowly(client, 0) < size


def test_a_client_that_reads_slowly_gets_the_whole_response() -> None:
    size = 20_000_000
    with (
        served(app_of_size(size), LimitedHttpProtocol) as port,
        socket.create_connection(("127.0.0.1", port), timeout=5) as client,
    ):
        client.sendall(b"GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
        assert read_slowly(client, TIMEOUT_SECONDS / 8) > size
