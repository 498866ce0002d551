"""Rate limits, the login throttle, and client addresses."""

import asyncio
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from ipaddress import ip_network
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from starlette.types import Message, Receive, Send
from structlog.testing import capture_logs

from common.errors import TooManyRequests, UpstreamUnavailable
from common.rates import Rate
from common.settings import Settings
from conftest import RequireProgram
from data_layer.database import Database
from data_layer.entities.movie import MovieFacts
from data_layer.entities.scope import Scope
from movies_service.accounts.caller import COMMAND_LINE
from movies_service.accounts.users import Users
from movies_service.app import MiddlewareOptions
from movies_service.http_semantics.client_address import ClientAddresses
from movies_service.rate_limiting import rate_limiter, window_counters
from movies_service.rate_limiting.login_throttle import LoginThrottle
from movies_service.rate_limiting.rate_limiter import ConnectionTokens, RateLimiter
from movies_service.rate_limiting.rate_limits import RateLimits, build_limits
from movies_service.rate_limiting.window_counters import WindowCounters, WindowState
from movies_service.response_cache.middleware import ResponseCacheMiddleware
from movies_service.response_cache.options import CacheOptions
from movies_service.tests.conftest import KnownRevision, SmallOmdb, new_client, store
from movies_service.tests.test_users import PASSWORD

OpenClient = Callable[..., TestClient]


@pytest.fixture
def open_limited(database: Database, omdb: SmallOmdb) -> Iterator[OpenClient]:
    """Yield a function that opens a client of a service with the given limits."""
    opened = []

    def open_client(*, cache: bool = False, **settings: str) -> TestClient:
        limits = build_limits(
            Settings(
                **{
                    "rate_limit_requests": "off",
                    "rate_limit_adds": "off",
                    "rate_limit_logins": "off",
                }
                | settings  # type: ignore[arg-type]  # Parsed like environment variables.
            )
        )
        options = MiddlewareOptions(
            limits=limits, cache=CacheOptions(revision=KnownRevision()) if cache else None
        )
        client = new_client(database, omdb, options, limits=limits)
        opened.append(client)
        return client.__enter__()

    yield open_client
    for client in opened:
        client.__exit__(None, None, None)


def test_responses_report_the_remaining_requests(open_limited: OpenClient) -> None:
    client = open_limited(rate_limit_requests="3/minute")
    for path, remaining in (("/movies", 2), ("/movies/nope", 1), ("/nope", 0)):
        response = client.get(path)
        assert response.headers["ratelimit-policy"] == '"requests";q=3;w=60'
        assert response.headers["ratelimit"].startswith(f'"requests";r={remaining};t=')
    rejected = client.get("/movies")
    assert (rejected.status_code, rejected.json()["code"]) == (429, "too-many-requests")
    assert "(MOVIES_RATE_LIMIT_REQUESTS=3/minute)" in rejected.json()["detail"]
    assert 1 <= int(rejected.headers["retry-after"]) <= 61
    assert rejected.headers["ratelimit-policy"] == '"requests";q=3;w=60'
    assert rejected.headers["x-content-type-options"] == "nosniff"
    assert "ratelimit" not in client.get("/health/live").headers
    assert client.get("/health/live/x").status_code == 429


def test_preflights_count_against_the_rate_limit(open_limited: OpenClient) -> None:
    client = open_limited(rate_limit_requests="2/minute")
    origin = {"Origin": "https://a.example"}
    preflight = origin | {"Access-Control-Request-Method": "GET"}
    responses = [client.options("/movies", headers=preflight) for _ in range(3)]
    assert [response.status_code for response in responses] == [200, 200, 429]
    assert [response.headers.get("ratelimit", "")[:14] for response in responses[:2]] == [
        '"requests";r=1',
        '"requests";r=0',
    ]
    rejected = client.get("/movies", headers=origin)
    assert rejected.status_code == 429
    assert rejected.headers["access-control-allow-origin"] == "*"
    assert "retry-after" in rejected.headers


def test_refused_requests_are_one_line_of_the_log(open_limited: OpenClient) -> None:
    with capture_logs() as log:
        client = open_limited(rate_limit_requests="1/minute")
        statuses = [client.get("/movies").status_code for _ in range(20)]
    assert statuses == [200, *[429] * 19]
    lines = [(line["event"], line["path"]) for line in log]
    assert lines == [("http_request", "/movies"), ("http_requests_refused", "/movies")]


@pytest.mark.parametrize("limit", [3, 50])
def test_cache_hits_count_against_the_rate_limit(
    open_limited: OpenClient, database: Database, limit: int
) -> None:
    store(database.unit_of_work, MovieFacts(title="Alien"))
    client = open_limited(cache=True, rate_limit_requests=f"{limit}/minute")
    responses = [client.get("/movies/1") for _ in range(limit + 5)]
    assert [response.status_code for response in responses] == [200] * limit + [429] * 5
    remaining = [
        int(response.headers["ratelimit"].split("=")[1].split(";")[0])
        for response in responses[:limit]
    ]
    assert remaining == list(range(limit - 1, -1, -1))
    assert ["; hit" in response.headers["cache-status"] for response in responses[:limit]] == [
        False,
        *[True] * (limit - 1),
    ]
    assert len({response.headers["etag"] for response in responses[:limit]}) == 1


def test_raw_responses_count_against_the_rate_limit() -> None:
    """The protocol sends raw responses only while the token batch of the client lasts."""
    limits = RateLimits(requests=RateLimiter("requests", Rate(40, 60), WindowCounters()))
    scope = {
        "type": "http",
        "http_version": "1.1",
        "method": "GET",
        "path": "/movies",
        "query_string": b"",
        "headers": [(b"host", b"x")],
        "client": ("192.0.2.1", 5000),
    }
    start = {
        "type": "http.response.start",
        "status": 200,
        "headers": [(b"cache-control", b"public"), (b"etag", b'"x"')],
    }
    sent: list[Message] = []

    async def app(_scope: object, _receive: Receive, send: Send) -> None:
        await send(start)
        await send({"type": "http.response.body", "body": b"{}"})

    async def send(message: Message) -> None:
        sent.append(message)

    async def receive() -> Message:
        return {"type": "http.request"}

    async def scenario() -> list[bytes]:
        cache = ResponseCacheMiddleware(app, CacheOptions(revision=KnownRevision()), limits)
        heads, connection_tokens = [], ConnectionTokens()
        for _ in range(2):  # Each batch has two tokens; the middleware prefetches it.
            assert cache.get_raw_response(scope, connection_tokens) is None
            await cache(dict(scope), receive, send)
            response = cache.get_raw_response(scope, connection_tokens)
            assert response is not None
            heads.append(response[0])
        return heads

    first, second = asyncio.run(scenario())
    assert b'ratelimit-policy: "requests";q=40;w=60\r\nratelimit: "requests";r=38;' in first
    assert b'ratelimit: "requests";r=36;' in second
    assert dict(sent[0]["headers"])[b"ratelimit"].startswith(b'"requests";r=39;')


def test_clients_behind_a_proxy_have_separate_limits_on_one_connection() -> None:
    limits = RateLimits(
        requests=RateLimiter("requests", Rate(40, 60), WindowCounters()),
        addresses=ClientAddresses([ip_network("192.0.2.1")]),
    )

    async def app(_scope: object, _receive: Receive, send: Send) -> None:
        headers = [(b"cache-control", b"public"), (b"etag", b'"x"')]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b"{}"})

    async def ignore(_message: Message) -> None:
        pass

    async def receive() -> Message:
        return {"type": "http.request"}

    async def scenario() -> list[bool]:
        cache, connection_tokens = (
            ResponseCacheMiddleware(app, CacheOptions(revision=KnownRevision()), limits),
            ConnectionTokens(),
        )
        sent = []
        for client in (b"198.51.100.1", b"198.51.100.2"):
            scope = {
                "type": "http",
                "http_version": "1.1",
                "method": "GET",
                "path": "/movies",
                "query_string": b"",
                "headers": [(b"host", b"x"), (b"x-forwarded-for", client)],
                "client": ("192.0.2.1", 5000),
            }
            sent.append(cache.get_raw_response(scope, connection_tokens) is not None)
            await cache(dict(scope), receive, ignore)
            sent.append(cache.get_raw_response(scope, connection_tokens) is not None)
        return sent

    assert asyncio.run(scenario()) == [False, True, False, True]


def test_a_new_window_starts_after_the_old_one() -> None:
    now = 100.0

    async def scenario() -> list[bool]:
        counters = WindowCounters(clock=lambda: now)
        limit = RateLimiter("requests", Rate(2, 1), counters, clock=lambda: now)
        first = [await is_admitted(limit) for _ in range(3)]
        nonlocal now
        now += 1
        return [*first, await is_admitted(limit)]

    assert asyncio.run(scenario()) == [True, True, False, True]


def test_a_clock_that_is_set_back_prolongs_no_window(monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario() -> tuple[WindowState, WindowState]:
        counters = WindowCounters(clock=lambda: 100.0)
        await counters.add("x", 60)
        before = time.time()
        monkeypatch.setattr(time, "time", lambda: before - 7_200)
        return await counters.add("x", 60), await counters.peek("x", 60)

    assert asyncio.run(scenario()) == (WindowState(2, 60), WindowState(2, 60))


def test_windows_that_have_ended_are_removed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(window_counters, "_SWEEP_AT", 3)
    now = 100.0

    async def scenario() -> tuple[int, ...]:
        nonlocal now
        counters = WindowCounters(clock=lambda: now)
        await counters.add("long", 60)
        for number in range(5):
            await counters.add(f"short {number}", 1)
        now += 1
        for number in range(5, 8):
            await counters.add(f"short {number}", 1)
        kept = len(counters._local._windows)
        return kept, (await counters.peek("long", 60)).count, (await counters.peek("x", 1)).count

    assert asyncio.run(scenario()) == (4, 1, 0)


def test_the_number_of_windows_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(window_counters, "_SWEEP_AT", 3)
    monkeypatch.setattr(window_counters, "_WINDOWS_KEPT_MAX", 2)
    now = 100.0

    async def scenario() -> tuple[int, list[int]]:
        nonlocal now
        counters = WindowCounters(clock=lambda: now)
        for number in range(100):
            now += 0.001
            await counters.add(f"day {number}", 86_400)
            await counters.add(f"minute {number}", 60)
        kept = len(counters._local._windows)
        return kept, [(await counters.peek(f"day {number}", 86_400)).count for number in (98, 99)]

    kept, newest = asyncio.run(scenario())
    assert kept <= 4
    assert newest == [1, 1]


def test_tokens_that_were_not_used_are_given_back_within_their_window() -> None:
    now = 1_000.0
    limit = RateLimiter("adds", Rate(30, 60), WindowCounters(), lambda: now)

    async def scenario() -> None:
        nonlocal now
        assert await limit.consume_up_to("a", 20) == (20, None)
        limit.give_back("a", 5)
        limit.give_back("b", 5)
        consumed, error = await limit.consume_up_to("a", 40)
        assert consumed == 15
        assert error is not None
        now += 61
        limit.give_back("a", 5)
        assert (await limit.consume_up_to("a", 1))[0] == 0  # The counters' window has not ended.

    asyncio.run(scenario())


async def is_admitted(limit: RateLimiter, client: str = "192.0.2.1") -> bool:
    """Consume a token, and return whether one was left."""
    try:
        await limit.consume(client)
    except TooManyRequests:
        return False
    return True


def test_the_whole_limit_can_be_used_for_every_batch_size() -> None:
    async def scenario() -> list[int]:
        counts = []
        for amount in (1, 7, 59, 100, 101):
            limit = RateLimiter("requests", Rate(amount, 60), WindowCounters())
            counts.append(sum([await is_admitted(limit) for _ in range(amount + 20)]))
            together = RateLimiter("together", Rate(amount, 60), WindowCounters())
            admitted = await asyncio.gather(*(is_admitted(together) for _ in range(amount + 20)))
            counts.append(sum(admitted))
        return counts

    assert asyncio.run(scenario()) == [1, 1, 7, 7, 59, 59, 100, 100, 101, 101]


def test_clients_have_separate_limits_and_their_number_is_bounded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(rate_limiter, "_CLIENTS_MAX", 2)

    async def scenario() -> list[bool]:
        limit = RateLimiter("requests", Rate(1, 60), WindowCounters())
        return [await is_admitted(limit, name) for name in "abcabc"]

    assert asyncio.run(scenario()) == [True, True, True, False, False, False]


def test_adding_is_limited_by_credential_or_address(
    open_limited: OpenClient, omdb: SmallOmdb, api_key_of: Callable[..., str]
) -> None:
    omdb.movies = [MovieFacts(title="Alien"), MovieFacts(title="Brazil")]
    client = open_limited(rate_limit_adds="1/hour")
    alien, brazil = {"title": "Alien"}, {"title": "Brazil"}
    robot = {"X-API-Key": api_key_of(Scope.MOVIES_WRITE)}
    assert client.post("/movies", json=alien).status_code == 201
    assert client.post("/movies", json=alien).status_code == 200
    assert client.post("/movies", json=brazil).status_code == 429
    assert omdb.calls == 1
    assert client.post("/movies", json=brazil, headers=robot).status_code == 201
    assert client.post("/movies/1/refresh", headers=robot).status_code == 429
    other = {"X-API-Key": api_key_of(Scope.MOVIES_WRITE)}
    assert client.post("/movies/1/refresh", headers=other).status_code == 200


def test_a_credential_has_one_limit_for_all_addresses(
    open_limited: OpenClient, api_key_of: Callable[..., str]
) -> None:
    client = open_limited(rate_limit_requests="2/hour", trusted_proxies="0.0.0.0/0")
    client._transport.client = ("127.0.0.1", 5000)  # type: ignore[attr-defined]  # Starlette's.
    robot = {"X-API-Key": api_key_of()}
    statuses = [
        client.get("/me", headers=robot | {"X-Forwarded-For": f"192.0.2.{number}"}).status_code
        for number in range(3)
    ]
    assert statuses == [200, 200, 429]


TRUSTED = ClientAddresses([ip_network("10.0.0.0/8"), ip_network("2001:db8:f::/48")])


@pytest.mark.parametrize(
    ("peer", "forwarded", "expected"),
    [
        ("192.0.2.1", [], "192.0.2.1"),
        ("192.0.2.1", ["198.51.100.1"], "192.0.2.1"),
        ("10.0.0.1", [], "10.0.0.1"),
        ("10.0.0.1", ["198.51.100.1"], "198.51.100.1"),
        ("10.0.0.1", ["6.6.6.6, 198.51.100.1"], "198.51.100.1"),
        ("10.0.0.1", ["6.6.6.6", "198.51.100.1, 10.0.0.2"], "198.51.100.1"),
        ("10.0.0.1", ["10.0.0.3, 10.0.0.2"], "10.0.0.3"),
        ("10.0.0.1", ["nonsense"], "unknown"),
        ("10.0.0.1", [" , "], "10.0.0.1"),
        ("::ffff:10.0.0.1", ["198.51.100.1"], "198.51.100.1"),
        ("2001:db8:f::1", ["2001:db8:1:2:3:4:5:6"], "2001:db8:1:2::/64"),
        ("2001:db8::1", ["198.51.100.1"], "2001:db8::/64"),
        ("testclient", ["198.51.100.1"], "unknown"),
        ("10.0.0.1", ["198.51.100.1:4711"], "198.51.100.1"),
        ("10.0.0.1", ["6.6.6.6, 198.51.100.1:4711, 10.0.0.2:80"], "198.51.100.1"),
        ("10.0.0.1", ["[2001:db8:1:2::3]:4711"], "2001:db8:1:2::/64"),
        ("10.0.0.1", ["198.51.100.1, [2001:db8:f::1]"], "198.51.100.1"),
        ("10.0.0.1", ["[]"], "unknown"),
    ],
)
def test_forwarded_addresses_are_accepted_from_trusted_proxies_only(
    peer: str, forwarded: list[str], expected: str
) -> None:
    headers = [(b"x-forwarded-for", value.encode()) for value in forwarded]
    scope = {"client": (peer, 5000), "headers": headers}
    assert TRUSTED.of(scope) == expected


@pytest.mark.parametrize(
    ("forwarded", "expected"),
    [
        (["for=198.51.100.1"], "198.51.100.1"),
        (['proto=https;For="198.51.100.1:4711";by=10.0.0.1'], "198.51.100.1"),
        (['for=6.6.6.6, for="[2001:db8:1:2::3]:4711"', "for=10.0.0.2"], "2001:db8:1:2::/64"),
        (['for="6.6.6.6, for="198.51.100.1"'], "198.51.100.1"),
        (["for=unknown"], "unknown"),
        (["by=198.51.100.1"], "10.0.0.1"),
    ],
)
def test_the_standard_header_names_the_client_too(forwarded: list[str], expected: str) -> None:
    headers = [(b"forwarded", value.encode()) for value in forwarded]
    assert TRUSTED.of({"client": ("10.0.0.1", 5000), "headers": headers}) == expected
    both = [*headers, (b"x-forwarded-for", b"198.51.100.7")]
    assert TRUSTED.of({"client": ("10.0.0.1", 5000), "headers": both}) == "198.51.100.7"
    assert TRUSTED.of({"client": ("192.0.2.1", 5000), "headers": headers}) == "192.0.2.1"


def test_a_forged_address_changes_nothing(open_limited: OpenClient) -> None:
    client = open_limited(rate_limit_requests="2/hour")
    statuses = [
        client.get("/movies", headers={"X-Forwarded-For": f"192.0.2.{number}"}).status_code
        for number in range(3)
    ]
    assert statuses == [200, 200, 429]


@pytest.fixture
def alice(database: Database) -> None:
    """Add the user alice."""
    Users(database.unit_of_work).add("alice", PASSWORD, set(), COMMAND_LINE)


def test_login_attempts_of_an_address_are_limited(open_limited: OpenClient, alice: None) -> None:
    client = open_limited(rate_limit_logins="3/hour")
    body = {"username": "x", "password": "x"}
    statuses = [client.post("/login", json=body).status_code for _ in range(4)]
    assert statuses == [401, 401, 401, 429]


def test_login_delay_of_an_address_doubles_and_does_not_affect_the_user(
    open_limited: OpenClient, alice: None
) -> None:
    client = open_limited(rate_limit_logins="1000/hour", trusted_proxies="127.0.0.1")
    client._transport.client = ("127.0.0.1", 5000)  # type: ignore[attr-defined]  # Starlette's.
    stranger, home = ({"X-Forwarded-For": f"192.0.2.{number}"} for number in (1, 2))
    wrong = {"username": "alice", "password": "wrong wrong wrong"}
    right = {"username": "alice", "password": PASSWORD}
    for _ in range(3):
        assert client.post("/login", json=wrong, headers=stranger).status_code == 401
    for expected in (1, 2):
        rejected = client.post("/login", json=right, headers=stranger)
        assert rejected.status_code == 429
        assert expected <= int(rejected.headers["retry-after"]) <= expected + 1
        assert client.post("/login", json=right, headers=home).status_code == 200
        time.sleep(int(rejected.headers["retry-after"]))
        assert client.post("/login", json=wrong, headers=stranger).status_code == 401


def test_a_successful_login_resets_the_failures(open_limited: OpenClient, alice: None) -> None:
    client = open_limited(rate_limit_logins="1000/hour")
    wrong = {"username": "alice", "password": "wrong wrong wrong"}
    right = {"username": "alice", "password": PASSWORD}
    for _ in range(3):
        for body, status in ((wrong, 401), (wrong, 401), (right, 200)):
            assert client.post("/login", json=body).status_code == status


def test_an_attack_from_many_addresses_slows_unknown_ones_and_rejects_none() -> None:
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    async def scenario() -> None:
        counters = WindowCounters()
        attempts = RateLimiter("logins", Rate(100, 60), counters)
        throttle = LoginThrottle(attempts, counters, sleep)

        async def is_unknown() -> bool:
            return False

        async def is_known() -> bool:
            return True

        for number in range(20):
            await throttle.check("alice", f"192.0.2.{number}", is_unknown)
            await throttle.record_failure("alice", f"192.0.2.{number}")
        before = len(slept)
        await throttle.check("alice", "198.51.100.1", is_known)
        assert len(slept) == before
        await throttle.check("alice", "198.51.100.2", is_unknown)
        await throttle.check("bob", "192.0.2.1", is_unknown)

    asyncio.run(scenario())
    assert slept == [0.25, 0.5, 1.0, 2.0] + [4.0] * 7


def test_known_addresses_are_not_slowed_by_an_attack(
    database: Database, omdb: SmallOmdb, alice: None
) -> None:
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    counters = WindowCounters()
    throttle = LoginThrottle(RateLimiter("logins", Rate(1000, 60), counters), counters, sleep)
    addresses = ClientAddresses([ip_network("127.0.0.1")])
    limits = RateLimits(logins=throttle, addresses=addresses, counters=counters)
    right = {"username": "alice", "password": PASSWORD}
    home = {"X-Forwarded-For": "198.51.100.1"}
    with new_client(database, omdb, limits=limits) as client:
        client._transport.client = ("127.0.0.1", 5000)  # type: ignore[attr-defined]  # Starlette's.
        assert client.post("/login", json=right, headers=home).status_code == 200
        for number in range(10):
            stranger = {"X-Forwarded-For": f"192.0.2.{number}"}
            wrong = right | {"password": "wrong wrong wrong"}
            assert client.post("/login", json=wrong, headers=stranger).status_code == 401
        assert client.post("/login", json=right, headers=home).status_code == 200
        assert slept == []
        elsewhere = {"X-Forwarded-For": "198.51.100.2"}
        assert client.post("/login", json=right, headers=elsewhere).status_code == 200
        assert slept == [0.25]


def test_adds_and_logins_are_limited_by_default_but_not_reads() -> None:
    limits = build_limits(Settings())
    assert limits.requests is None
    assert limits.adds is not None
    assert limits.logins is not None
    off = build_limits(
        Settings(rate_limit_requests="off", rate_limit_adds="off", rate_limit_logins="off")
    )
    assert (off.requests, off.adds, off.logins) == (None, None, None)
    assert RateLimits().requests is None


@pytest.mark.parametrize(
    ("settings", "share"),
    [
        ({}, 250),
        ({"OMDB_CLIENT_SHARE_PERCENT": "5"}, 50),
        ({"OMDB_CLIENT_SHARE_PERCENT": "1", "OMDB_DAILY_LIMIT": "10"}, 1),
        ({"processes": "2"}, 125),
        ({"processes": "2", "rate_limit_redis_url": "redis://127.0.0.1:9/0"}, 250),
        ({"OMDB_CLIENT_SHARE_PERCENT": "100"}, None),
        ({"OMDB_DAILY_LIMIT": "off"}, None),
        ({"OMDB_API_KEY": None}, None),
    ],
)
def test_a_client_has_a_share_of_the_daily_omdb_quota(
    settings: dict[str, str | None], share: int | None
) -> None:
    limits = build_limits(Settings(**{"OMDB_API_KEY": "key"} | settings))  # type: ignore[arg-type]  # As above.
    expected = None if share is None else f'"omdb-share";q={share};w=86400'.encode()
    assert (limits.omdb_share and limits.omdb_share.policy) == expected


def test_a_stranger_cannot_use_up_the_omdb_quota(
    database: Database, omdb: SmallOmdb, api_key_of: Callable[..., str]
) -> None:
    counters = WindowCounters()
    limits = RateLimits(
        adds=RateLimiter("adds", Rate(5, 60), counters),
        omdb_share=RateLimiter("omdb-share", Rate(3, 86_400), counters),
        counters=counters,
    )
    robot = {"X-API-Key": api_key_of(Scope.MOVIES_WRITE)}
    reader = {"X-API-Key": api_key_of(Scope.OPS_READ)}
    with new_client(database, omdb, limits=limits) as client:

        def status(title: str, headers: dict[str, str] | None = None) -> int:
            return client.post("/movies", json={"title": title}, headers=headers).status_code

        omdb.movies = [MovieFacts(title=f"Movie {number}") for number in range(9)]
        omdb.error = UpstreamUnavailable("OMDb returned an error.", is_refusal=True)
        assert status("Movie 0") == status("Movie 1", robot) == 502
        omdb.error = None
        assert [status(f"Movie {number}") for number in range(2)] == [201, 201]
        assert client.post("/fetches", json={"movies": ["Another"]}).status_code == 202
        rejected = client.post("/movies", json={"title": "Movie 3"})
        assert rejected.status_code == 429
        assert rejected.json()["detail"].startswith("This client has used its share of the daily")
        assert int(rejected.headers["Retry-After"]) > 86_000
        assert [status(f"Movie {number}", robot) for number in range(3, 7)] == [201] * 4
        assert [status(f"Movie {number}", reader) for number in range(7, 9)] == [201] * 2
        assert status("Movie 0") == 200


@pytest.fixture
def redis(
    tmp_path: Path, require_program: RequireProgram
) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """Yield the URL and the process of a Redis server."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [
        require_program("redis-server"),
        "--port",
        str(port),
        "--save",
        "",
        "--dir",
        str(tmp_path),
    ]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        while process.poll() is None:
            with socket.socket() as client:
                if client.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.02)
        yield f"redis://127.0.0.1:{port}/0", process
        process.kill()


@pytest.mark.integration
def test_redis_shares_counts_and_processes_count_locally_without_it(
    redis: tuple[str, subprocess.Popen[bytes]],
) -> None:
    url, process = redis

    async def scenario() -> tuple[list[bool], list[bool], list[int]]:
        processes = [
            WindowCounters(url, timeout_seconds=10),
            WindowCounters(url, timeout_seconds=10),
        ]
        limits = [RateLimiter("requests", Rate(3, 60), each) for each in processes]
        shared = [await is_admitted(limits[number % 2]) for number in range(4)]
        counters = processes[0]
        counts = [(await counters.add("x", 60)).count, (await counters.peek("x", 60)).count]
        counts.append((await counters.add("x", 30)).count)  # As if its clock had been set back.
        counts.append((await counters.peek("x", 20)).count)
        await counters.clear("x")
        counts.append((await counters.peek("x", 60)).count)
        process.kill()
        process.wait()
        local = [await is_admitted(limits[number % 2]) for number in range(7)]
        for each in processes:
            await each.close()
        return shared, local, counts

    assert asyncio.run(scenario()) == (
        [True, True, True, False],
        [True] * 6 + [False],
        [1, 1, 1, 0, 0],
    )
