"""Tests of the fetch endpoints, with a worker that runs when a test calls it."""

import asyncio
import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, NoReturn

import pytest
from fastapi.testclient import TestClient

from common.errors import (
    DatabaseUnavailable,
    MoviesError,
    NotFound,
    TooManyRequests,
    UpstreamQuotaExceeded,
    UpstreamTimeout,
)
from common.executors import run_inline
from common.rates import Rate
from common.shutdown import ShutdownSignal
from data_fetcher.fetch_queue.completion import Outcome
from data_fetcher.fetch_queue.deduplication_key import Requester, lookup_of
from data_fetcher.fetch_queue.queue import FetchQueue
from data_fetcher.omdb.lookups import TitleLookup
from data_layer.database import Database
from data_layer.entities.audit_entry import AuditQuery
from data_layer.entities.fetch import Fetch, FetchQuery
from data_layer.entities.movie import MovieFacts
from data_layer.entities.scope import Scope
from movies_service.accounts.caller import Caller
from movies_service.api.dependencies.use_cases import Policy
from movies_service.api.routers import fetches as router
from movies_service.http_semantics.prefer import WAIT_MAX_SECONDS
from movies_service.rate_limiting.rate_limiter import RateLimiter
from movies_service.rate_limiting.rate_limits import RateLimits
from movies_service.rate_limiting.window_counters import WindowCounters
from movies_service.tests.conftest import SmallOmdb, new_client, store
from movies_service.use_cases import request_fetches
from movies_service.use_cases.request_fetches import RequestFetches

pytestmark = pytest.mark.integration

ALIEN = MovieFacts(title="Alien", imdb_id="tt0078748", year=1979)
BRAZIL = MovieFacts(title="Brazil", imdb_id="tt0088846", year=1985)
ASYNC = {"Prefer": "respond-async"}


class Worker:
    """Worker that completes all due fetches in one call."""

    def __init__(self, database: Database, omdb: SmallOmdb) -> None:
        self.queue = FetchQueue(database.unit_of_work)
        self._omdb = omdb

    def work(self) -> int:
        """Complete all due fetches, and return their number."""
        claimed = self.queue.claim(100)
        self.queue.complete([(fetch, self._fetch(fetch)) for fetch in claimed])
        return len(claimed)

    def _fetch(self, fetch: Fetch) -> Outcome:
        try:
            return asyncio.run(self._omdb.fetch(lookup_of(fetch)))
        except MoviesError as error:
            return error

    @contextmanager
    def working(self) -> Iterator[None]:
        """Run the worker in a thread within the context."""
        shutdown = threading.Event()

        def work() -> None:
            while not shutdown.wait(0.05):
                self.work()

        thread = threading.Thread(target=work)
        thread.start()
        try:
            yield
        finally:
            shutdown.set()
            thread.join()


@pytest.fixture
def worker(database: Database, omdb: SmallOmdb) -> Worker:
    """Return a worker whose OMDb has two movies."""
    omdb.movies = [ALIEN, BRAZIL]
    return Worker(database, omdb)


@pytest.fixture
def writer(api_key_of: Callable[..., str]) -> dict[str, str]:
    """Return the headers of a caller with the scope `movies:write`."""
    return {"X-API-Key": api_key_of(Scope.MOVIES_WRITE)}


def enqueue(client: TestClient, *lookups: object, **headers: str) -> list[dict[str, Any]]:
    """Request movies, and return their fetches."""
    response = client.post("/fetches", json={"movies": lookups}, headers=headers)
    assert response.status_code == 202, response.text
    fetches: list[dict[str, Any]] = response.json()["fetches"]
    return fetches


def test_adds_a_movie_without_waiting(client: TestClient, worker: Worker) -> None:
    response = client.post("/movies", json={"title": "Alien"}, headers=ASYNC)
    assert response.status_code == 202
    assert response.headers["Preference-Applied"] == "respond-async"
    assert response.headers["Cache-Control"] == "no-store"
    url = response.headers["Location"]
    assert response.json() == client.get(url).json()
    assert response.json()["state"] == "queued"
    assert worker.work() == 1
    done = client.get(url).json()
    assert (done["state"], done["attempts"], done["error"]) == ("fetched", 1, None)
    assert client.get(done["movie_url"]).json()["title"] == "Alien"
    again = client.post("/movies", json={"title": "alien"}, headers=ASYNC)
    assert (again.status_code, again.json()["title"]) == (200, "Alien")


def test_adding_can_be_asynchronous_by_default(database: Database, omdb: SmallOmdb) -> None:
    with new_client(database, omdb, policy=Policy(adding_is_async=True)) as client:
        response = client.post("/movies", json={"title": "Alien"})
    assert response.status_code == 202
    assert response.headers["Preference-Applied"] == "respond-async"
    assert omdb.calls == 0


def test_returns_a_movie_that_is_fetched_within_the_wait(
    client: TestClient, worker: Worker
) -> None:
    headers = {"Prefer": "respond-async, wait=20"}
    with worker.working():
        response = client.post("/movies", json={"title": "Alien"}, headers=headers)
        missing = client.post("/movies", json={"title": "Nothing"}, headers=headers)
    assert (response.status_code, response.json()["title"]) == (201, "Alien")
    assert response.headers["Preference-Applied"] == "respond-async, wait=20"
    assert response.headers["Location"] == "/movies/1"
    assert (missing.status_code, missing.json()["state"]) == (202, "not_found")


def test_replays_the_response_that_was_sent_after_the_wait(
    client: TestClient, worker: Worker
) -> None:
    for title, status in (("Alien", 201), ("Nothing", 202)):
        headers = {"Prefer": "respond-async, wait=20", "Idempotency-Key": title}
        with worker.working():
            first = client.post("/movies", json={"title": title}, headers=headers)
        again = client.post("/movies", json={"title": title}, headers=headers)
        assert (first.status_code, again.status_code) == (status, status)
        assert first.content == again.content
        assert again.headers["Location"] == first.headers["Location"]
        assert again.headers["Idempotency-Replayed"] == "true"


def test_returns_the_fetch_if_the_wait_is_too_short(client: TestClient) -> None:
    started = time.monotonic()
    headers = {"Prefer": "respond-async; x=y, wait=1"}
    response = client.post("/movies", json={"title": "Alien"}, headers=headers)
    assert response.status_code == 202
    assert time.monotonic() - started >= 1


def test_duplicate_requests_share_a_fetch(client: TestClient, worker: Worker) -> None:
    lookups = [
        "Alien",
        "tt0088846",
        {"title": "Alien", "year": 1979},
        "ALIEN",
        {"imdb_id": "tt0088846"},
    ]
    fetches = enqueue(client, *lookups)
    ids = [each["id"] for each in fetches]
    assert (ids[0], ids[1]) == (ids[3], ids[4])
    assert len(set(ids)) == 3
    assert fetches[1]["requested"] == {"imdb_id": "tt0088846", "title": None, "year": None}
    assert fetches[2]["requested"] == {"imdb_id": None, "title": "Alien", "year": 1979}
    assert [each["id"] for each in enqueue(client, *lookups)] == ids
    assert worker.work() == 3
    assert {each["movie_url"] for each in enqueue(client, *lookups)} == {"/movies/1", "/movies/2"}


def test_accepts_at_most_a_thousand_movies(client: TestClient, writer: dict[str, str]) -> None:
    fetches = enqueue(client, *(f"tt{number:07}" for number in range(1000)), **writer)
    assert len({each["id"] for each in fetches}) == 1000
    lookups = [f"tt{number:07}" for number in range(1001)]
    assert client.post("/fetches", json={"movies": lookups}).status_code == 422


@pytest.mark.parametrize(
    "body",
    [
        {}, {"movies": []}, {"movies": "Alien"}, {"movies": [7]}, {"movies": [None]},
        {"movies": [" "]}, {"movies": ["\x00"]}, {"movies": ["x" * 501]}, {"movies": [{}]},
        {"movies": [{"title": "Alien", "imdb_id": "tt0078748"}]}, {"titles": ["Alien"]},
        {"movies": ["Alien"], "more": 1}, [],
    ],
)  # fmt: skip  # A table is easier to read in long lines.
def test_rejects_an_invalid_request_for_movies(client: TestClient, body: object) -> None:
    response = client.post("/fetches", json=body)
    assert response.status_code == 422
    assert response.headers["Content-Type"] == "application/problem+json"
    assert client.get("/fetches").json()["fetches"] == []


@pytest.mark.parametrize(
    ("path", "body", "error"),
    [
        (
            "/fetches",
            {"movies": ["Alien", 7]},
            ("body.movies.1", "it must be a title, an IMDb id, or an object"),
        ),
        ("/fetches", {"movies": [{"name": "Alien"}]}, ("body.movies.0", "unknown field")),
        (
            "/movies",
            {"name": "Alien"},
            ("body", "unknown field: name is unknown; did you mean title?"),
        ),
    ],
)
def test_an_invalid_body_is_described_without_internals(
    client: TestClient, path: str, body: object, error: tuple[str, str]
) -> None:
    (found,) = client.post(path, json=body).json()["errors"]
    assert found["field"] == error[0]
    assert found["message"].startswith(error[1])


def test_lists_fetches_newest_first(client: TestClient, worker: Worker) -> None:
    enqueue(client, "Alien", "Nothing")
    worker.work()
    enqueue(client, "Brazil")
    listed = client.get("/fetches").json()
    assert [each["requested"]["title"] for each in listed["fetches"]] == [
        "Brazil",
        "Nothing",
        "Alien",
    ]
    assert listed["next_url"] is None
    first = client.get("/fetches?limit=2").json()
    assert first["next_url"] == "/fetches?limit=2&before=2"
    rest = client.get(first["next_url"]).json()
    assert [each["requested"]["title"] for each in rest["fetches"]] == ["Alien"]
    (absent,) = client.get("/fetches?state=not_found").json()["fetches"]
    assert absent["requested"]["title"] == "Nothing"
    assert client.get("/fetches?state=lost").status_code == 422


@pytest.mark.parametrize(
    "error",
    [
        NotFound("OMDb has no such movie."),
        UpstreamTimeout("OMDb did not respond in time."),
        UpstreamQuotaExceeded("Quota used up."),
    ],
)
def test_a_failed_fetch_has_the_error_of_a_direct_request(
    client: TestClient, worker: Worker, omdb: SmallOmdb, error: MoviesError
) -> None:
    omdb.error = error
    (fetch,) = enqueue(client, "Alien", **{"X-Request-ID": "a-request"})
    worker.work()
    found = client.get(fetch["self_url"]).json()["error"]
    direct = client.post("/movies", json={"title": "Alien"}, headers={"X-Request-ID": "a-request"})
    assert found == direct.json()
    assert found["request_id"] == "a-request"


@pytest.mark.parametrize("path", ["/fetches/7", "/fetches/7/events"])
def test_an_unknown_fetch_is_a_404(client: TestClient, path: str) -> None:
    assert client.get(path).status_code == 404
    assert client.get(path).json()["detail"] == "No fetch has this id."


@pytest.mark.parametrize("number", ["0", "-1", "x", "1.0", "9" * 30, "1_0"])
def test_rejects_an_invalid_fetch_id(client: TestClient, number: str) -> None:
    assert client.get(f"/fetches/{number}").status_code == 422


def test_retries_and_cancels_fetches_for_callers_with_the_scope(
    client: TestClient, worker: Worker, writer: dict[str, str], database: Database
) -> None:
    (fetch,) = enqueue(client, "Nothing")
    worker.work()
    for action in ("retry", "cancel"):
        assert client.post(f"{fetch['self_url']}/{action}").status_code == 401
    again = client.post(f"{fetch['self_url']}/retry", headers=writer)
    assert (again.status_code, again.json()["state"]) == (200, "queued")
    cancelled = client.post(f"{fetch['self_url']}/cancel", headers=writer)
    assert (cancelled.status_code, cancelled.json()["state"]) == (200, "cancelled")
    assert worker.work() == 0
    done = enqueue(client, "Alien")[0]["self_url"]
    worker.work()
    assert client.post(f"{done}/retry", headers=writer).status_code == 409
    assert client.post(f"{done}/cancel", headers=writer).status_code == 409
    assert client.post("/fetches/99/retry", headers=writer).status_code == 404
    with database.unit_of_work(is_read_only=True) as uow:
        actions = [each.action for each in uow.audit.list(AuditQuery())]
    assert actions[:3] == ["movie.created", "fetch.cancelled", "fetch.retried"]


def test_replays_the_response_of_an_idempotency_key(
    client: TestClient, writer: dict[str, str]
) -> None:
    key = {"Idempotency-Key": "a-key"}
    responses = [
        client.post("/fetches", json={"movies": ["Alien"]}, headers=key | writer) for _ in range(2)
    ]
    assert responses[0].json() == responses[1].json()
    assert responses[1].headers["Idempotency-Replayed"] == "true"
    adding = [
        client.post("/movies", json={"title": "Brazil"}, headers=ASYNC | {"Idempotency-Key": "b"})
        for _ in range(2)
    ]
    assert [each.status_code for each in adding] == [202, 202]
    assert adding[1].headers["Location"] == adding[0].headers["Location"]


def test_long_polls_a_fetch(client: TestClient, worker: Worker) -> None:
    (fetch,) = enqueue(client, "Alien")
    url = fetch["self_url"]
    started = time.monotonic()
    response = client.get(url, headers={"Prefer": "wait=1"})
    assert (response.json()["state"], time.monotonic() - started >= 1) == ("queued", True)
    assert response.headers["Preference-Applied"] == "wait=1"
    with worker.working():
        assert client.get(url, headers={"Prefer": "wait=20"}).json()["state"] == "fetched"
    assert "Preference-Applied" not in client.get(url).headers


@pytest.mark.parametrize(
    ("prefer", "applied"),
    [
        ("respond-async", "respond-async"),
        ("RESPOND-ASYNC, foo", "respond-async"),
        (" wait = 0 , respond-async", "respond-async"),
        ("wait=-1, respond-async", "respond-async"),
        ("wait=x, respond-async;a=b", "respond-async"),
        ("handling=lenient, respond-async, return=minimal", "respond-async"),
    ],
)
def test_honours_known_preferences_and_ignores_others(
    client: TestClient, prefer: str, applied: str
) -> None:
    response = client.post("/movies", json={"title": "Alien"}, headers={"Prefer": prefer})
    assert (response.status_code, response.headers["Preference-Applied"]) == (202, applied)


def test_caps_the_wait_of_a_long_poll(client: TestClient, worker: Worker) -> None:
    (fetch,) = enqueue(client, "Alien")
    worker.work()
    response = client.get(fetch["self_url"], headers={"Prefer": "wait=99999"})
    assert response.headers["Preference-Applied"] == f"wait={WAIT_MAX_SECONDS}"


def events(text: str) -> list[dict[str, Any]]:
    """Return the documents of an event stream."""
    blocks = [
        block.splitlines() for block in text.split("\n\n") if block.startswith("event: fetch")
    ]
    return [json.loads(block[1].removeprefix("data: ")) for block in blocks]


def test_streams_events_until_the_fetch_is_finished(client: TestClient, worker: Worker) -> None:
    (fetch,) = enqueue(client, "Alien")
    with ThreadPoolExecutor() as pool:
        stream = pool.submit(client.get, f"{fetch['self_url']}/events")
        time.sleep(0.5)
        with worker.working():
            response = stream.result(timeout=20)
    assert response.headers["Content-Type"] == "text/event-stream; charset=utf-8"
    assert response.headers["Cache-Control"] == "no-store"
    states = [each["state"] for each in events(response.text)]
    assert (states[0], states[-1]) == ("queued", "fetched")
    assert "id: 1\n" in response.text
    done = client.get(f"{fetch['self_url']}/events")
    assert [each["state"] for each in events(done.text)] == ["fetched"]


def test_a_stream_sends_keep_alive_comments_and_ends_in_time(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(router, "PING_SECONDS", 0.05)
    monkeypatch.setattr(router, "EVENTS_SECONDS", 0.5)
    (fetch,) = enqueue(client, "Alien")
    response = client.get(f"{fetch['self_url']}/events")
    assert response.status_code == 200
    assert ": ping\n\n" in response.text
    assert len(events(response.text)) == 1


def test_head_of_a_stream_returns_at_once(client: TestClient) -> None:
    (fetch,) = enqueue(client, "Alien")
    response = client.head(f"{fetch['self_url']}/events")
    assert response.headers["Content-Type"] == "text/event-stream; charset=utf-8"
    assert response.content == b""


def test_limits_the_number_of_open_streams(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(request_fetches, "FOLLOWERS_MAX", 0)
    (fetch,) = enqueue(client, "Alien")
    response = client.get(fetch["self_url"], headers={"Prefer": "wait=5"})
    assert (response.status_code, response.headers["Retry-After"]) == (429, "5")
    queued = client.post(
        "/movies", json={"title": "Brazil"}, headers={"Prefer": "respond-async, wait=5"}
    )
    assert (queued.status_code, queued.json()["state"]) == (202, "queued")
    assert queued.headers["Preference-Applied"] == "respond-async"
    assert client.get(f"{fetch['self_url']}/events").status_code == 429


def test_limits_the_streams_of_each_client(database: Database) -> None:
    queue = FetchQueue(database.unit_of_work)
    (fetch,) = queue.enqueue([TitleLookup("Alien")], Requester())

    async def scenario() -> None:
        use_case = RequestFetches(queue, run_inline, run_inline, ShutdownSignal())
        streams = [
            use_case.follow(fetch, "192.0.2.1")
            for _ in range(request_fetches.FOLLOWERS_PER_CLIENT_MAX)
        ]
        assert [await anext(stream) for stream in streams] == [fetch] * len(streams)
        with pytest.raises(TooManyRequests, match="This address follows 10 fetches"):
            use_case.require_free_follower("192.0.2.1")
        with pytest.raises(TooManyRequests):
            await use_case.wait(fetch, 1, "192.0.2.1")
        other = use_case.follow(fetch, "192.0.2.2")
        assert await anext(other) == fetch
        for stream in (other, *streams):
            await stream.aclose()
        use_case.require_free_follower("192.0.2.1")
        assert not use_case._followers

    asyncio.run(scenario())


def test_limits_the_concurrent_requests_of_many_movies(database: Database) -> None:
    queue = FetchQueue(database.unit_of_work)
    use_case = RequestFetches(queue, run_inline, run_inline, ShutdownSignal())
    few, many = 20, 21
    first, second, third = (Caller(address=f"192.0.2.{number}") for number in range(3))
    with use_case.admitted(many, first), use_case.admitted(few, first):
        with pytest.raises(TooManyRequests), use_case.admitted(many, first):
            pass
        with use_case.admitted(many, second), pytest.raises(TooManyRequests) as refused:
            use_case.admitted(many, third).__enter__()
        assert refused.value.retry_after_seconds == 1
        with use_case.admitted(many, third):
            pass
    assert not use_case._bulk_requests


def test_rejects_a_request_of_many_movies_while_others_are_in_progress(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(request_fetches, "BULK_REQUESTS_MAX", 0)
    titles = [f"Movie {number}" for number in range(21)]
    rejected = client.post("/fetches", json={"movies": titles})
    assert (rejected.status_code, rejected.headers["Retry-After"]) == (429, "1")
    assert client.post("/fetches", json={"movies": titles[1:]}).status_code == 202


def test_limits_the_fetches_of_anonymous_callers_but_not_of_writers(
    database: Database, omdb: SmallOmdb, writer: dict[str, str]
) -> None:
    omdb.movies = [ALIEN]
    store(database.unit_of_work, BRAZIL)
    limits = RateLimits(adds=RateLimiter("adds", Rate(3, 3600), WindowCounters()))
    with new_client(database, omdb, limits=limits) as client:
        enqueue(client, "One", "Two", "Brazil", "One")
        assert client.post("/movies", json={"title": "Two"}, headers=ASYNC).status_code == 202
        assert client.post("/movies", json={"title": "Three"}, headers=ASYNC).status_code == 202
        rejected = client.post("/movies", json={"title": "Four"}, headers=ASYNC)
        assert rejected.status_code == 429
        assert client.post("/fetches", json={"movies": ["Four"]}).status_code == 429
        enqueue(client, *(f"Movie {number}" for number in range(50)), **writer)


def requested_titles(items: list[dict[str, Any]]) -> list[str]:
    """Return the requested titles of fetches, or of movies that were not accepted."""
    return [each["requested"]["title"] for each in items]


def test_accepts_as_many_new_movies_as_the_rate_limit_admits(
    database: Database, omdb: SmallOmdb
) -> None:
    store(database.unit_of_work, BRAZIL)
    limits = RateLimits(adds=RateLimiter("adds", Rate(3, 3600), WindowCounters()))
    with new_client(database, omdb, limits=limits) as client:

        def request(*movies: str) -> tuple[int, list[str], list[str]]:
            response = client.post("/fetches", json={"movies": movies})
            document = response.json()
            not_accepted = document.get("not_accepted", [])
            assert all(1 <= each["retry_after_seconds"] <= 3601 for each in not_accepted)
            fetches = requested_titles(document.get("fetches", []))
            return response.status_code, fetches, requested_titles(not_accepted)

        assert request("One", "Brazil") == (202, ["One", "Brazil"], [])
        accepted = ["Two", "Brazil", "One", "Three", "Two"]
        assert request("Two", "Brazil", "One", "Three", "Four", "Two", "FOUR", "Five") == (
            202,
            accepted,
            ["Four", "FOUR", "Five"],
        )
        assert request("Four", "One") == (202, ["One"], ["Four"])
        rejected = client.post("/fetches", json={"movies": ["Four", "Five"]})
        assert (rejected.status_code, rejected.json()["code"]) == (429, "too-many-requests")
        assert 1 <= int(rejected.headers["Retry-After"]) <= 3601
        assert len(client.get("/fetches").json()["fetches"]) == 4


def test_movies_that_are_not_accepted_cost_nothing(
    database: Database, omdb: SmallOmdb, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_arguments: object) -> None:
        raise DatabaseUnavailable("The database is temporarily unavailable.")

    limits = RateLimits(adds=RateLimiter("adds", Rate(3, 3600), WindowCounters()))
    with new_client(database, omdb, limits=limits) as client:
        with monkeypatch.context() as broken:
            broken.setattr(FetchQueue, "enqueue", fail)
            three = {"movies": ["One", "Two", "Three"]}
            assert client.post("/fetches", json=three).status_code == 503
        document = client.post("/fetches", json={"movies": ["Four", "Five", "Six", "Seven"]}).json()
        assert requested_titles(document["fetches"]) == ["Four", "Five", "Six"]
    with new_client(database, omdb) as client, monkeypatch.context() as broken:
        broken.setattr(FetchQueue, "enqueue", fail)
        assert client.post("/fetches", json={"movies": ["Seven"]}).status_code == 503


def test_replays_which_movies_were_not_accepted(database: Database, omdb: SmallOmdb) -> None:
    limits = RateLimits(adds=RateLimiter("adds", Rate(1, 3600), WindowCounters()))
    with new_client(database, omdb, limits=limits) as client:
        body = {"movies": ["One", "Two"]}
        first, again = (
            client.post("/fetches", json=body, headers={"Idempotency-Key": "k"}) for _ in range(2)
        )
    assert (first.status_code, first.content) == (202, again.content)
    assert requested_titles(first.json()["not_accepted"]) == ["Two"]


def test_requesting_can_require_authentication(database: Database, omdb: SmallOmdb) -> None:
    with new_client(database, omdb, policy=Policy(adding_requires_authentication=True)) as client:
        assert client.post("/fetches", json={"movies": ["Alien"]}).status_code == 401
        assert client.post("/movies", json={"title": "A"}, headers=ASYNC).status_code == 401


def test_a_shutdown_ends_a_wait(database: Database) -> None:
    queue = FetchQueue(database.unit_of_work)
    (fetch,) = queue.enqueue([TitleLookup("Alien")], Requester())

    async def scenario() -> float:
        shutdown = ShutdownSignal()
        use_case = RequestFetches(queue, run_inline, run_inline, shutdown)
        asyncio.get_running_loop().call_later(0.1, shutdown.trigger)
        started = time.monotonic()
        assert await use_case.wait(fetch, 30, "192.0.2.1") == fetch
        return time.monotonic() - started

    assert asyncio.run(scenario()) < 10


def test_shows_the_upstream_status_to_operators(
    client: TestClient, worker: Worker, api_key_of: Callable[..., str]
) -> None:
    enqueue(client, "Alien", "Nothing")
    worker.work()
    enqueue(client, "Brazil")
    assert client.get("/upstream").status_code == 401
    status = client.get("/upstream", headers={"X-API-Key": api_key_of(Scope.OPS_READ)}).json()
    assert status["fetches"] == {"queued": 1, "fetched": 1, "not_found": 1}
    assert status["circuit_breaker"] == {
        "state": "closed",
        "failures": 0,
        "open_until": None,
        "last_error": None,
    }
    assert status["quota"]["daily_limit"] is None
    assert status["attempts"] == {"asked": 2}
    lines = client.get("/metrics").text.splitlines()
    assert 'movies_fetch_jobs{state="queued"} 1.0' in lines
    assert "movies_upstream_circuit_open 0.0" in lines


def test_a_request_is_stored_in_the_queue(client: TestClient, worker: Worker) -> None:
    enqueue(client, "Alien")
    assert len(worker.queue.list(FetchQuery())) == 1


def test_a_stream_ends_if_the_database_fails(database: Database) -> None:
    queue = FetchQueue(database.unit_of_work)
    (fetch,) = queue.enqueue([TitleLookup("Alien")], Requester())

    async def fail(*_arguments: object) -> NoReturn:
        raise DatabaseUnavailable("The disk is full.")

    async def scenario() -> list[bytes]:
        use_case = RequestFetches(queue, fail, run_inline, ShutdownSignal())  # type: ignore[arg-type]  # It never returns.
        return [event async for event in router._events(use_case, fetch, "192.0.2.1")]

    assert len(asyncio.run(scenario())) == 1


def test_counts_each_client_until_its_last_use_ends() -> None:
    counts: Counter[str] = Counter()
    with request_fetches._counted(counts, "a"):
        with request_fetches._counted(counts, "a"):
            assert counts == {"a": 2}
        assert counts == {"a": 1}
    assert "a" not in counts
