import asyncio
import gzip
import tracemalloc
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import brotli
import pytest
from starlette.types import Message, Receive, Scope, Send

from movies_service.app import is_cacheable
from movies_service.http_semantics.content_negotiation import negotiate_encoding
from movies_service.http_semantics.query_parameters import PARAMETERS_MAX
from movies_service.response_cache.cached_response import LARGE_BYTES
from movies_service.response_cache.middleware import ResponseCacheMiddleware
from movies_service.response_cache.options import CacheOptions
from movies_service.telemetry.counters import CacheCounters, RequestCounters
from movies_service.tests.conftest import KnownRevision

BODY = b'{"movies":[' + b'"Alien",' * 200 + b"]}"

Headers = tuple[tuple[str, str], ...]


@dataclass
class CacheSetup:
    """App behind the cache, catalogue revision and clock, with the values that a test sets."""

    status: int = 200
    cache_control: str = "public, max-age=0"
    body: bytes = BODY
    revision: KnownRevision = field(default_factory=KnownRevision)
    now: float = 0.0
    calls: list[Scope] = field(default_factory=list)
    gate: Callable[[], Awaitable[None]] | None = None
    options: dict[str, Any] = field(default_factory=dict)

    async def app(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send a response like the API."""
        self.calls.append(scope)
        body = self.body
        if self.gate is not None:
            await self.gate()
        headers = {
            "content-type": "application/json",
            "content-length": str(len(body)),
            "cache-control": self.cache_control,
            "etag": '"abc"',
            "x-request-id": "from-the-app",
        }
        await send(
            {
                "type": "http.response.start",
                "status": self.status,
                "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
            }
        )
        half = len(body) // 2
        await send({"type": "http.response.body", "body": body[:half], "more_body": True})
        await send({"type": "http.response.body", "body": body[half:]})

    def cache(self) -> ResponseCacheMiddleware:
        """Return a cache in front of the app."""
        return ResponseCacheMiddleware(
            self.app,
            CacheOptions(revision=self.revision, clock=lambda: self.now, **self.options),
        )


@dataclass
class Received:
    """A response as the client receives it."""

    status: int
    headers: dict[str, str]
    body: bytes


async def send_request(
    cache: ResponseCacheMiddleware,
    path: str = "/movies",
    headers: Headers = (),
    method: str = "GET",
) -> Received:
    """Send one request, and return the response."""
    messages: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Message) -> None:
        messages.append(message)

    path, _, query = path.partition("?")
    scope = {
        "type": "http",
        "method": method,
        "path": path,
        "query_string": query.encode(),
        "headers": [(name.encode(), value.encode()) for name, value in (("host", "x"), *headers)],
    }
    await cache(scope, receive, send)
    start, *rest = messages
    return Received(
        start["status"],
        {name.decode(): value.decode() for name, value in start["headers"]},
        b"".join(message.get("body", b"") for message in rest),
    )


def send_all(setup: CacheSetup, *requests: tuple[Any, ...]) -> list[Received]:
    """Send requests in sequence through one cache, and return the responses."""

    async def scenario() -> list[Received]:
        cache = setup.cache()
        return [await send_request(cache, *request) for request in requests]

    return asyncio.run(scenario())


def test_a_hit_does_not_call_the_app() -> None:
    setup = CacheSetup()
    first, second = send_all(setup, ("/movies",), ("/movies",))
    assert len(setup.calls) == 1
    assert first.body == second.body == BODY
    assert first.headers["cache-status"] == "movies-api; fwd=miss; stored"
    assert second.headers["cache-status"] == "movies-api; hit; ttl=60"
    assert first.headers["etag"] == second.headers["etag"] == '"abc"'
    assert first.headers["x-request-id"] == "from-the-app"
    assert second.headers["content-length"] == str(len(BODY))


def test_every_hit_has_its_own_request_id() -> None:
    _first, second, third, accepted, unacceptable = send_all(
        CacheSetup(),
        ("/",),
        ("/",),
        ("/",),
        ("/", (("x-request-id", "mine"),)),
        ("/", (("x-request-id", "not mine"),)),
    )
    ids = {second.headers["x-request-id"], third.headers["x-request-id"]}
    assert len(ids) == 2
    assert accepted.headers["x-request-id"] == "mine"
    assert unacceptable.headers["x-request-id"] not in {"not mine", *ids}


def test_query_order_and_encoding_do_not_matter() -> None:
    setup = CacheSetup()
    send_all(setup, ("/movies?a=1&b=%41",), ("/movies?b=A&a=1",), ("/movies?a=1&b=B",))
    assert len(setup.calls) == 2


def test_a_query_of_many_parameters_is_not_parsed() -> None:
    setup = CacheSetup()
    path = "/movies?" + "&" * PARAMETERS_MAX
    responses = send_all(setup, (path,), (path,))
    assert [response.headers["cache-status"] for response in responses] == [
        "movies-api; fwd=bypass"
    ] * 2
    assert len(setup.calls) == 2


def test_a_new_revision_invalidates_stored_responses() -> None:
    setup = CacheSetup()

    async def scenario() -> Received:
        cache = setup.cache()
        await send_request(cache)
        setup.revision.number += 1
        setup.body = b"{}"
        return await send_request(cache)

    assert asyncio.run(scenario()).body == b"{}"
    assert len(setup.calls) == 2


def test_a_response_read_before_a_commit_is_not_served_after_it() -> None:
    setup = CacheSetup()

    async def commit() -> None:
        setup.revision.number += 1
        setup.body = b"new"

    async def scenario() -> Received:
        cache = setup.cache()
        setup.gate = commit
        await send_request(cache)
        setup.gate = None
        return await send_request(cache)

    assert asyncio.run(scenario()).body == b"new"


def test_responses_expire() -> None:
    setup = CacheSetup()

    async def scenario() -> list[str]:
        cache = setup.cache()
        statuses = []
        for now in (0.0, 0.5, 17.5, 59.0, 60.0):
            setup.now = now
            statuses.append((await send_request(cache)).headers["cache-status"])
        return statuses

    assert asyncio.run(scenario()) == [
        "movies-api; fwd=miss; stored",
        "movies-api; hit; ttl=60",
        "movies-api; hit; ttl=42",
        "movies-api; hit; ttl=1",
        "movies-api; fwd=miss; stored",
    ]


async def send_concurrently(
    setup: CacheSetup, cache: ResponseCacheMiddleware, count: int
) -> list[Received]:
    """Send requests that all arrive before the app responds, and return the responses."""
    gate = asyncio.Event()
    setup.gate = gate.wait  # type: ignore[assignment]  # The result True is ignored.
    requests = [asyncio.create_task(send_request(cache)) for _ in range(count)]
    await asyncio.sleep(0)
    gate.set()
    return await asyncio.gather(*requests)


def test_concurrent_misses_call_the_app_once() -> None:
    setup = CacheSetup()
    responses = asyncio.run(send_concurrently(setup, setup.cache(), 50))
    assert len(setup.calls) == 1
    assert {response.body for response in responses} == {BODY}


def test_a_failed_fill_is_not_stored_and_blocks_no_request() -> None:
    setup = CacheSetup(status=503)

    async def scenario() -> list[Received]:
        cache = setup.cache()
        concurrent = await send_concurrently(setup, cache, 5)
        setup.status = 200
        return [*concurrent, await send_request(cache), await send_request(cache)]

    responses = asyncio.run(scenario())
    assert [response.status for response in responses] == [503] * 5 + [200] * 2
    assert "hit" in responses[-1].headers["cache-status"]
    assert len(setup.calls) == 6


def test_a_fill_that_raises_does_not_block_later_requests() -> None:
    setup = CacheSetup()

    async def fail() -> None:
        raise ZeroDivisionError

    async def scenario() -> Received:
        cache = setup.cache()
        setup.gate = fail
        with pytest.raises(ZeroDivisionError):
            await send_request(cache)
        setup.gate = None
        return await send_request(cache)

    assert asyncio.run(scenario()).status == 200


@pytest.mark.parametrize("cache_control", ["no-store", "private", ""])
def test_responses_that_are_not_public_are_not_stored(cache_control: str) -> None:
    setup = CacheSetup(cache_control=cache_control)
    first, second = send_all(setup, ("/",), ("/",))
    assert len(setup.calls) == 2
    assert first.body == second.body == BODY
    assert second.headers["cache-status"] == "movies-api; fwd=miss"


@pytest.mark.parametrize("name", ["authorization", "x-api-key", "cookie"])
def test_requests_with_a_credential_bypass_the_cache(name: str) -> None:
    setup = CacheSetup()
    *_, response = send_all(setup, ("/",), ("/",), ("/", ((name, "x"),)))
    assert len(setup.calls) == 2
    assert response.headers["cache-status"] == "movies-api; fwd=bypass"


def test_other_methods_bypass_the_cache() -> None:
    setup = CacheSetup()
    (response,) = send_all(setup, ("/", (), "POST"))
    assert "cache-status" not in response.headers


def test_head_gets_no_body_and_stores_nothing() -> None:
    setup = CacheSetup()
    cold, full, head = send_all(setup, ("/", (), "HEAD"), ("/",), ("/", (), "HEAD"))
    assert len(setup.calls) == 2
    assert cold.headers["cache-status"] == "movies-api; fwd=miss"
    assert head.body == b""
    assert head.headers["content-length"] == full.headers["content-length"]


@pytest.mark.parametrize("tag", ['"abc"', 'W/"abc"', '"x", "abc-gzip"', "*"])
def test_matching_etags_get_a_304(tag: str) -> None:
    setup = CacheSetup()
    cold, warm = send_all(setup, *[("/", (("if-none-match", tag),))] * 2)
    assert len(setup.calls) == 1
    for response in (cold, warm):
        assert (response.status, response.body) == (304, b"")
        assert response.headers["etag"] == '"abc"'
        assert "content-length" not in response.headers
    assert warm.headers["cache-status"] == "movies-api; hit; ttl=60"


def test_other_etags_get_the_response() -> None:
    (response,) = send_all(CacheSetup(), ("/", (("if-none-match", '"other"'),)))
    assert response.status == 200


@pytest.mark.parametrize(
    ("encoding", "decode"), [("gzip", gzip.decompress), ("br", brotli.decompress)]
)
def test_bodies_are_encoded_once(encoding: str, decode: Callable[[bytes], bytes]) -> None:
    setup = CacheSetup()
    accepts = (("accept-encoding", encoding),)
    plain, first, second = send_all(setup, ("/",), ("/", accepts), ("/", accepts))
    assert len(setup.calls) == 1
    assert decode(first.body) == BODY
    assert first.body is second.body or first.body == second.body
    assert first.headers["content-encoding"] == encoding
    assert first.headers["etag"] == f'"abc-{encoding}"'
    assert "Accept-Encoding" in plain.headers["vary"]
    assert "content-encoding" not in plain.headers


def test_large_bodies_are_compressed_fast() -> None:
    large = b"".join(b'{"id":%d},' % number for number in range(LARGE_BYTES // 10))
    received = [
        send_all(CacheSetup(body=body), ("/", (("accept-encoding", encoding),)))[0].body
        for body in (large, large[: LARGE_BYTES - 1])
        for encoding in ("br", "gzip")
    ]
    assert received == [
        brotli.compress(large, quality=1),
        gzip.compress(large, compresslevel=1, mtime=0),
        brotli.compress(large[: LARGE_BYTES - 1], quality=5),
        gzip.compress(large[: LARGE_BYTES - 1], compresslevel=6, mtime=0),
    ]


def test_small_bodies_are_not_compressed() -> None:
    setup = CacheSetup(body=b"{}")
    (response,) = send_all(setup, ("/", (("accept-encoding", "gzip, br"),)))
    assert "content-encoding" not in response.headers
    assert response.body == b"{}"


@pytest.mark.parametrize(
    ("origins", "calls"), [(("*",), 2), (("https://a", "https://b"), 4), ((), 2)]
)
def test_origins_with_the_same_response_share_it(origins: tuple[str, ...], calls: int) -> None:
    setup = CacheSetup(options={"cors_origins": origins})
    sent = ["https://a", "https://b", "https://c", "https://d", "https://a"]
    send_all(setup, ("/",), *(("/", (("origin", origin),)) for origin in sent))
    assert len(setup.calls) == calls


@pytest.mark.parametrize(
    "headers",
    [
        (("prefer", "wait=10"),),
        (("content-length", "5"),),
        (("transfer-encoding", "chunked"),),
        (("origin", ""), ("origin", "https://a")),
        (("host", "y"),),
    ],
)
def test_only_plain_requests_read_and_fill_the_cache(headers: Headers) -> None:
    setup = CacheSetup()
    responses = send_all(setup, ("/", headers), ("/",), ("/", headers))
    statuses = [response.headers["cache-status"] for response in responses]
    assert statuses == [
        "movies-api; fwd=bypass",
        "movies-api; fwd=miss; stored",
        "movies-api; fwd=bypass",
    ]


def test_other_resources_bypass_the_cache() -> None:
    setup = CacheSetup(options={"is_cacheable": is_cacheable})
    responses = send_all(setup, *((path,) for path in ("/fetches/7/events", "/moviesx", "/")))
    assert [response.headers.get("cache-status") for response in responses] == [
        None,
        None,
        "movies-api; fwd=miss; stored",
    ]


def test_a_slow_request_delays_others_only_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("movies_service.response_cache.middleware.FILL_WAIT_SECONDS", 0.01)
    setup = CacheSetup()

    async def scenario() -> Received:
        cache, gate = setup.cache(), asyncio.Event()
        setup.gate = gate.wait  # type: ignore[assignment]  # The result True is ignored.
        slow = asyncio.create_task(send_request(cache))
        await asyncio.sleep(0)
        setup.gate = None
        other = await send_request(cache)
        gate.set()
        await slow
        return other

    assert asyncio.run(scenario()).headers["cache-status"] == "movies-api; fwd=miss"
    assert len(setup.calls) == 2


def test_memory_stays_within_the_bound() -> None:
    bound = 700_000
    setup = CacheSetup(body=BODY[:400], options={"max_bytes": bound, "cors_origins": ("*",)})

    async def scenario() -> int:
        cache = setup.cache()
        await send_request(cache)
        tracemalloc.start()
        try:
            for number in range(600):
                long = f"{number:05}" + "x" * 3_000
                path = f"/movies?title={number % 200}" + "x" * (number % 3) * 1_000
                headers = (("origin", f"https://{long}"), ("accept-encoding", f"gzip, {long}"))
                await send_request(cache, path, headers)
                await send_request(cache, path, (("accept-encoding", f"br, x{number % 40}"),))
                setup.calls.clear()
            return tracemalloc.get_traced_memory()[0]
        finally:
            tracemalloc.stop()

    assert asyncio.run(scenario()) < 1.2 * bound


def test_a_request_with_an_origin_has_its_own_response() -> None:
    setup = CacheSetup()
    send_all(setup, ("/", (("origin", "https://a.example"),)), ("/",))
    assert len(setup.calls) == 2


def test_responses_too_large_to_store_are_still_sent() -> None:
    setup = CacheSetup(options={"max_bytes": 100})
    (response,) = send_all(setup, ("/", (("user-agent", "x"),)))
    assert response.body == BODY
    assert len(setup.calls) == 1


def test_evicted_responses_leave_the_index() -> None:
    setup = CacheSetup(options={"max_entries": 1})
    *_, again = send_all(setup, ("/a",), ("/a",), ("/b",), ("/a",))
    assert len(setup.calls) == 3
    assert again.headers["cache-status"] == "movies-api; fwd=miss; stored"


def test_index_entries_per_response_are_bounded() -> None:
    setup = CacheSetup()
    requests = [("/", (("accept-encoding", f"x{number}"),)) for number in range(50)]

    async def scenario() -> int:
        cache = setup.cache()
        for request in requests:
            await send_request(cache, *request)
        return len(cache._store._hits)

    assert asyncio.run(scenario()) < 20
    assert len(setup.calls) == 1


def test_counts_hits_misses_and_size() -> None:
    counts, requests = CacheCounters(), RequestCounters()
    setup = CacheSetup(options={"counts": counts, "requests": requests})
    send_all(setup, ("/",), ("/",), ("/", (), "HEAD"), ("/a",))
    assert counts.bytes > 2 * 3 * len(BODY)
    assert counts == CacheCounters(hits=2, misses=2, evictions=0, entries=2, bytes=counts.bytes)
    assert requests.by_kind == {("GET", "unknown", 200): 1, ("HEAD", "unknown", 200): 1}


def test_responses_are_not_served_once_the_revision_may_be_outdated() -> None:
    setup = CacheSetup()

    async def scenario() -> list[str]:
        cache = setup.cache()
        statuses = []
        for setup.now in (0.0, 0.9, 1.1):
            setup.revision.fresh_until = 1.0
            statuses.append((await send_request(cache)).headers["cache-status"])
        return statuses

    assert [status.partition(";")[2].split(";")[0] for status in asyncio.run(scenario())] == [
        " fwd=miss",
        " hit",
        " fwd=miss",
    ]


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        ("1", "hit; ttl=60"),
        ("0", "hit; ttl=60"),
        ("2", "fwd=request"),
        ("9" * 18, "fwd=request"),
        ("9" * 5000, "fwd=request"),
        ("-1", "fwd=request"),
        ("x", "fwd=request"),
    ],
)
def test_a_newer_seen_revision_bypasses_the_cache(seen: str, expected: str) -> None:
    _, response = send_all(CacheSetup(), ("/",), ("/", (("catalogue-revision", seen),)))
    assert response.headers["cache-status"] == f"movies-api; {expected}"


def test_stale_responses_are_served_while_the_database_is_unavailable() -> None:
    counts = CacheCounters()
    setup = CacheSetup(options={"counts": counts})

    async def scenario() -> list[Received]:
        cache = setup.cache()
        await send_request(cache)
        setup.status, setup.revision.fresh_until, setup.revision.unavailable = 503, 1.0, True
        responses = []
        for setup.now in (11.0, 1000.0):
            responses.append(await send_request(cache))
        known = (("if-none-match", '"abc"'),)
        responses += [
            await send_request(cache, "/movies", known),
            await send_request(cache, "/movies", (), "HEAD"),
        ]
        setup.now = 60.0 + 86_400.0
        return [*responses, await send_request(cache)]

    *stale, expired = asyncio.run(scenario())
    assert [(response.status, len(response.body)) for response in stale] == [
        (200, len(BODY)),
        (200, len(BODY)),
        (304, 0),
        (200, 0),
    ]
    status = "movies-api; hit; ttl={}; detail=database-unavailable"
    assert stale[0].headers["cache-status"] == status.format(-10)
    assert stale[1].headers["cache-status"] == status.format(-999)
    assert expired.status == 503
    assert counts.stale == 4
    assert len(setup.calls) == 2


def test_a_503_of_the_app_is_replaced_by_a_stale_response() -> None:
    setup = CacheSetup()

    async def scenario() -> list[Received]:
        cache = setup.cache()
        await send_request(cache)
        setup.status, setup.revision.fresh_until = 503, -1.0
        return [await send_request(cache), await send_request(cache, "/other")]

    stale, unknown = asyncio.run(scenario())
    assert (stale.status, stale.body) == (200, BODY)
    assert "detail=database-unavailable" in stale.headers["cache-status"]
    assert unknown.status == 503


def test_responses_of_an_older_revision_are_not_served_as_stale() -> None:
    setup = CacheSetup()

    async def scenario() -> Received:
        cache = setup.cache()
        await send_request(cache)
        setup.status, setup.revision.number, setup.revision.unavailable = 503, 2, True
        return await send_request(cache)

    assert asyncio.run(scenario()).status == 503


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (b"", b"identity"),
        (b"gzip, deflate, br", b"br"),
        (b"gzip", b"gzip"),
        (b"GZIP;q=0.5", b"gzip"),
        (b"br;q=0, gzip", b"gzip"),
        (b"*", b"br"),
        (b"*;q=0", b"identity"),
        (b"br;q=x", b"identity"),
        (b"identity", b"identity"),
    ],
)
def test_negotiates_the_smallest_encoding(header: bytes, expected: bytes) -> None:
    assert negotiate_encoding(header) == expected
