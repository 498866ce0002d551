import asyncio
import gzip
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import brotli
import pytest
from starlette.types import Message, Receive, Scope, Send

from movies_service.response_cache.cached_response import negotiate
from movies_service.response_cache.middleware import AnswerCache
from movies_service.response_cache.options import CacheOptions
from movies_service.telemetry.collector import CacheCounts, RequestCounts
from movies_service.tests.conftest import KnownRevision

BODY = b'{"movies":[' + b'"Alien",' * 200 + b"]}"

Headers = tuple[tuple[str, str], ...]


@dataclass
class Surroundings:
    """The app behind the cache, the catalogue's revision and the clock, as a test sets them."""

    status: int = 200
    cache_control: str = "public, max-age=0"
    body: bytes = BODY
    revision: KnownRevision = field(default_factory=KnownRevision)
    now: float = 0.0
    calls: list[Scope] = field(default_factory=list)
    gate: Callable[[], Awaitable[None]] | None = None
    options: dict[str, Any] = field(default_factory=dict)

    async def app(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer as the API does."""
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

    def cache(self) -> AnswerCache:
        """Return a cache in front of the app."""
        return AnswerCache(
            self.app,
            CacheOptions(revision=self.revision, clock=lambda: self.now, **self.options),
        )


@dataclass
class Answered:
    """What a client gets."""

    status: int
    headers: dict[str, str]
    body: bytes


async def ask(
    cache: AnswerCache, path: str = "/movies", headers: Headers = (), method: str = "GET"
) -> Answered:
    """Send one request."""
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
    return Answered(
        start["status"],
        {name.decode(): value.decode() for name, value in start["headers"]},
        b"".join(message.get("body", b"") for message in rest),
    )


def asked(around: Surroundings, *requests: tuple[Any, ...]) -> list[Answered]:
    """Send requests one after the other, through one cache."""

    async def scenario() -> list[Answered]:
        cache = around.cache()
        return [await ask(cache, *request) for request in requests]

    return asyncio.run(scenario())


def test_the_app_is_asked_once() -> None:
    around = Surroundings()
    first, second = asked(around, ("/movies",), ("/movies",))
    assert len(around.calls) == 1
    assert first.body == second.body == BODY
    assert first.headers["cache-status"] == "movies-api; fwd=miss; stored"
    assert second.headers["cache-status"] == "movies-api; hit; ttl=60"
    assert first.headers["etag"] == second.headers["etag"] == '"abc"'
    assert first.headers["x-request-id"] == "from-the-app"
    assert second.headers["content-length"] == str(len(BODY))


def test_every_hit_has_an_id_of_its_own() -> None:
    _first, second, third, named, strange = asked(
        Surroundings(),
        ("/",),
        ("/",),
        ("/",),
        ("/", (("x-request-id", "mine"),)),
        ("/", (("x-request-id", "not mine"),)),
    )
    ids = {second.headers["x-request-id"], third.headers["x-request-id"]}
    assert len(ids) == 2
    assert named.headers["x-request-id"] == "mine"
    assert strange.headers["x-request-id"] not in {"not mine", *ids}


def test_the_order_and_the_notation_of_parameters_do_not_matter() -> None:
    around = Surroundings()
    asked(around, ("/movies?a=1&b=%41",), ("/movies?b=A&a=1",), ("/movies?a=1&b=B",))
    assert len(around.calls) == 2


def test_a_commit_puts_what_was_kept_out_of_reach() -> None:
    around = Surroundings()

    async def scenario() -> Answered:
        cache = around.cache()
        await ask(cache)
        around.revision.number += 1
        around.body = b"{}"
        return await ask(cache)

    assert asyncio.run(scenario()).body == b"{}"
    assert len(around.calls) == 2


def test_what_was_read_before_a_commit_is_not_served_after_it() -> None:
    around = Surroundings()

    async def commit_meanwhile() -> None:
        around.revision.number += 1
        around.body = b"new"

    async def scenario() -> Answered:
        cache = around.cache()
        around.gate = commit_meanwhile
        await ask(cache)
        around.gate = None
        return await ask(cache)

    assert asyncio.run(scenario()).body == b"new"


def test_an_answer_grows_old() -> None:
    around = Surroundings()

    async def scenario() -> list[str]:
        cache = around.cache()
        statuses = []
        for now in (0.0, 0.5, 17.5, 59.0, 60.0):
            around.now = now
            statuses.append((await ask(cache)).headers["cache-status"])
        return statuses

    assert asyncio.run(scenario()) == [
        "movies-api; fwd=miss; stored",
        "movies-api; hit; ttl=60",
        "movies-api; hit; ttl=42",
        "movies-api; hit; ttl=1",
        "movies-api; fwd=miss; stored",
    ]


def test_a_herd_asks_once() -> None:
    around = Surroundings()

    async def scenario() -> list[Answered]:
        cache = around.cache()
        gate = asyncio.Event()
        around.gate = gate.wait  # type: ignore[assignment]  # It returns True, unread.
        herd = [asyncio.create_task(ask(cache)) for _ in range(50)]
        await asyncio.sleep(0)
        gate.set()
        return await asyncio.gather(*herd)

    answers = asyncio.run(scenario())
    assert len(around.calls) == 1
    assert {answer.body for answer in answers} == {BODY}


def test_a_fill_that_fails_is_not_kept_and_stops_nobody() -> None:
    around = Surroundings(status=503)

    async def scenario() -> list[Answered]:
        cache = around.cache()
        gate = asyncio.Event()
        around.gate = gate.wait  # type: ignore[assignment]  # It returns True, unread.
        asking = [asyncio.create_task(ask(cache)) for _ in range(5)]
        await asyncio.sleep(0)
        gate.set()
        herd = await asyncio.gather(*asking)
        around.status = 200
        return [*herd, await ask(cache), await ask(cache)]

    answers = asyncio.run(scenario())
    assert [answer.status for answer in answers] == [503] * 5 + [200] * 2
    assert "hit" in answers[-1].headers["cache-status"]
    assert len(around.calls) == 6


def test_a_fill_that_raises_leaves_the_way_free() -> None:
    around = Surroundings()

    async def fail() -> None:
        raise ZeroDivisionError

    async def scenario() -> Answered:
        cache = around.cache()
        around.gate = fail
        with pytest.raises(ZeroDivisionError):
            await ask(cache)
        around.gate = None
        return await ask(cache)

    assert asyncio.run(scenario()).status == 200


@pytest.mark.parametrize("cache_control", ["no-store", "private", ""])
def test_what_is_not_public_is_not_kept(cache_control: str) -> None:
    around = Surroundings(cache_control=cache_control)
    first, second = asked(around, ("/",), ("/",))
    assert len(around.calls) == 2
    assert first.body == second.body == BODY
    assert second.headers["cache-status"] == "movies-api; fwd=miss"


@pytest.mark.parametrize("name", ["authorization", "x-api-key", "cookie"])
def test_who_shows_a_credential_goes_past(name: str) -> None:
    around = Surroundings()
    *_, answer = asked(around, ("/",), ("/",), ("/", ((name, "x"),)))
    assert len(around.calls) == 2
    assert answer.headers["cache-status"] == "movies-api; fwd=bypass"


def test_other_methods_go_past() -> None:
    around = Surroundings()
    (answer,) = asked(around, ("/", (), "POST"))
    assert "cache-status" not in answer.headers


def test_head_is_answered_without_a_body_and_fills_nothing() -> None:
    around = Surroundings()
    cold, full, head = asked(around, ("/", (), "HEAD"), ("/",), ("/", (), "HEAD"))
    assert len(around.calls) == 2
    assert cold.headers["cache-status"] == "movies-api; fwd=miss"
    assert head.body == b""
    assert head.headers["content-length"] == full.headers["content-length"]


@pytest.mark.parametrize("tag", ['"abc"', 'W/"abc"', '"x", "abc-gzip"', "*"])
def test_an_answer_that_the_client_has_is_not_sent_again(tag: str) -> None:
    around = Surroundings()
    cold, warm = asked(around, *[("/", (("if-none-match", tag),))] * 2)
    assert len(around.calls) == 1
    for answer in (cold, warm):
        assert (answer.status, answer.body) == (304, b"")
        assert answer.headers["etag"] == '"abc"'
        assert "content-length" not in answer.headers
    assert warm.headers["cache-status"] == "movies-api; hit; ttl=60"


def test_another_tag_gets_the_answer() -> None:
    (answer,) = asked(Surroundings(), ("/", (("if-none-match", '"other"'),)))
    assert answer.status == 200


@pytest.mark.parametrize(
    ("encoding", "decode"), [("gzip", gzip.decompress), ("br", brotli.decompress)]
)
def test_bodies_are_encoded_once(encoding: str, decode: Callable[[bytes], bytes]) -> None:
    around = Surroundings()
    wants = (("accept-encoding", encoding),)
    plain, first, second = asked(around, ("/",), ("/", wants), ("/", wants))
    assert len(around.calls) == 1
    assert decode(first.body) == BODY
    assert first.body is second.body or first.body == second.body
    assert first.headers["content-encoding"] == encoding
    assert first.headers["etag"] == f'"abc-{encoding}"'
    assert "Accept-Encoding" in plain.headers["vary"]
    assert "content-encoding" not in plain.headers


def test_small_bodies_are_sent_as_they_are() -> None:
    around = Surroundings(body=b"{}")
    (answer,) = asked(around, ("/", (("accept-encoding", "gzip, br"),)))
    assert "content-encoding" not in answer.headers
    assert answer.body == b"{}"


def test_origins_are_kept_apart() -> None:
    around = Surroundings()
    asked(around, ("/", (("origin", "https://a.example"),)), ("/",))
    assert len(around.calls) == 2


def test_an_answer_that_is_too_large_to_keep_is_still_given() -> None:
    around = Surroundings(options={"max_bytes": 100})
    (answer,) = asked(around, ("/", (("user-agent", "x"),)))
    assert answer.body == BODY
    assert len(around.calls) == 1


def test_what_is_forgotten_is_at_hand_no_more() -> None:
    around = Surroundings(options={"max_entries": 1})
    *_, again = asked(around, ("/a",), ("/a",), ("/b",), ("/a",))
    assert len(around.calls) == 3
    assert again.headers["cache-status"] == "movies-api; fwd=miss; stored"


def test_strange_ways_to_ask_do_not_pile_up() -> None:
    around = Surroundings()
    requests = [("/", (("accept-encoding", f"x{number}"),)) for number in range(50)]

    async def scenario() -> int:
        cache = around.cache()
        for request in requests:
            await ask(cache, *request)
        return len(cache._ready)

    assert asyncio.run(scenario()) < 20
    assert len(around.calls) == 1


def test_counts_what_it_does() -> None:
    counts, requests = CacheCounts(), RequestCounts()
    around = Surroundings(options={"counts": counts, "requests": requests})
    asked(around, ("/",), ("/",), ("/", (), "HEAD"), ("/a",))
    assert counts == CacheCounts(hits=2, misses=2, evictions=0, entries=2, bytes=2 * 3 * len(BODY))
    assert requests.by_kind == {("GET", "unknown", 200): 1, ("HEAD", "unknown", 200): 1}


def test_what_may_be_older_than_what_others_have_written_is_asked_for_again() -> None:
    around = Surroundings()

    async def scenario() -> list[str]:
        cache = around.cache()
        statuses = []
        for around.now in (0.0, 0.9, 1.1):
            around.revision.fresh_until = 1.0
            statuses.append((await ask(cache)).headers["cache-status"])
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
def test_who_has_seen_a_newer_catalogue_goes_past(seen: str, expected: str) -> None:
    _, answer = asked(Surroundings(), ("/",), ("/", (("catalogue-revision", seen),)))
    assert answer.headers["cache-status"] == f"movies-api; {expected}"


def test_while_the_database_is_away_what_it_said_last_is_given_on() -> None:
    counts = CacheCounts()
    around = Surroundings(options={"counts": counts})

    async def scenario() -> list[Answered]:
        cache = around.cache()
        await ask(cache)
        around.status, around.revision.fresh_until, around.revision.away = 503, 1.0, True
        answers = []
        for around.now in (11.0, 1000.0):
            answers.append(await ask(cache))
        known = (("if-none-match", '"abc"'),)
        answers += [await ask(cache, "/movies", known), await ask(cache, "/movies", (), "HEAD")]
        around.now = 60.0 + 86_400.0
        return [*answers, await ask(cache)]

    *stale, gone = asyncio.run(scenario())
    assert [(answer.status, len(answer.body)) for answer in stale] == [
        (200, len(BODY)),
        (200, len(BODY)),
        (304, 0),
        (200, 0),
    ]
    status = "movies-api; hit; ttl={}; detail=database-unavailable"
    assert stale[0].headers["cache-status"] == status.format(-10)
    assert stale[1].headers["cache-status"] == status.format(-999)
    assert gone.status == 503
    assert counts.stale == 4
    assert len(around.calls) == 2


def test_a_database_that_is_just_gone_is_noticed_by_asking_it() -> None:
    around = Surroundings()

    async def scenario() -> list[Answered]:
        cache = around.cache()
        await ask(cache)
        around.status, around.revision.fresh_until = 503, -1.0
        return [await ask(cache), await ask(cache, "/other")]

    stale, unknown = asyncio.run(scenario())
    assert (stale.status, stale.body) == (200, BODY)
    assert "detail=database-unavailable" in stale.headers["cache-status"]
    assert unknown.status == 503


def test_what_is_known_to_be_outdated_is_not_given_on() -> None:
    around = Surroundings()

    async def scenario() -> Answered:
        cache = around.cache()
        await ask(cache)
        around.status, around.revision.number, around.revision.away = 503, 2, True
        return await ask(cache)

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
    assert negotiate(header) == expected
