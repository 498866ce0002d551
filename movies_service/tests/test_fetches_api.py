"""Wishing for films over HTTP, with a worker that a test runs when it likes."""

import asyncio
import json
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest
from fastapi.testclient import TestClient

from common.errors import MoviesError, NotFound, UpstreamQuota, UpstreamTimeout
from common.executors import run_inline
from common.shutdown import Stopping
from data_fetcher.fetch_queue.completion import Outcome
from data_fetcher.fetch_queue.deduplication_key import Wisher, wish_of
from data_fetcher.fetch_queue.queue import Fetches
from data_fetcher.omdb.lookups import TitleWish
from data_layer.database import Database
from data_layer.entities.audit_entry import AuditQuery
from data_layer.entities.fetch import Fetch, FetchQuery
from data_layer.entities.movie import MovieFacts
from data_layer.entities.scope import Scope
from movies_service.api.dependencies.prefer import WAIT_MAX_SECONDS
from movies_service.api.dependencies.use_cases import Policy
from movies_service.api.routers import fetches as router
from movies_service.rate_limiting.rate_limiter import Rate, RateLimit
from movies_service.rate_limiting.rate_limits import Limits
from movies_service.rate_limiting.window_counters import Windows
from movies_service.tests.conftest import SmallOmdb, new_client, store
from movies_service.use_cases import request_fetches as fetch_movies
from movies_service.use_cases.request_fetches import FetchMovies

pytestmark = pytest.mark.integration

ALIEN = MovieFacts(title="Alien", imdb_id="tt0078748", year=1979)
BRAZIL = MovieFacts(title="Brazil", imdb_id="tt0088846", year=1985)
ASYNC = {"Prefer": "respond-async"}


class Worker:
    """Does what is due, in one go."""

    def __init__(self, database: Database, omdb: SmallOmdb) -> None:
        self.fetches = Fetches(database.unit_of_work)
        self._omdb = omdb

    def work(self) -> int:
        """Settle all that is due, and return how much that was."""
        claimed = self.fetches.claim(100)
        self.fetches.settle([(fetch, self._ask(fetch)) for fetch in claimed])
        return len(claimed)

    def _ask(self, fetch: Fetch) -> Outcome:
        try:
            return asyncio.run(self._omdb.fetch(wish_of(fetch)))
        except MoviesError as error:
            return error

    @contextmanager
    def working(self) -> Iterator[None]:
        """Do what comes, beside the context."""
        stopping = threading.Event()

        def work() -> None:
            while not stopping.wait(0.05):
                self.work()

        thread = threading.Thread(target=work)
        thread.start()
        try:
            yield
        finally:
            stopping.set()
            thread.join()


@pytest.fixture
def worker(database: Database, omdb: SmallOmdb) -> Worker:
    omdb.films = [ALIEN, BRAZIL]
    return Worker(database, omdb)


@pytest.fixture
def writer(api_key_of: Callable[..., str]) -> dict[str, str]:
    return {"X-API-Key": api_key_of(Scope.MOVIES_WRITE)}


def wish(client: TestClient, *wishes: object, **headers: str) -> list[dict[str, Any]]:
    answer = client.post("/fetches", json={"wishes": wishes}, headers=headers)
    assert answer.status_code == 202, answer.text
    found: list[dict[str, Any]] = answer.json()["fetches"]
    return found


def test_a_film_is_added_without_waiting(client: TestClient, worker: Worker) -> None:
    answer = client.post("/movies", json={"title": "Alien"}, headers=ASYNC)
    assert answer.status_code == 202
    assert answer.headers["Preference-Applied"] == "respond-async"
    assert answer.headers["Cache-Control"] == "no-store"
    url = answer.headers["Location"]
    assert answer.json() == client.get(url).json()
    assert answer.json()["state"] == "queued"
    assert worker.work() == 1
    done = client.get(url).json()
    assert (done["state"], done["attempts"], done["problem"]) == ("fetched", 1, None)
    assert client.get(done["movie_url"]).json()["title"] == "Alien"
    again = client.post("/movies", json={"title": "alien"}, headers=ASYNC)
    assert (again.status_code, again.json()["title"]) == (200, "Alien")


def test_adding_need_never_wait(database: Database, omdb: SmallOmdb) -> None:
    with new_client(database, omdb, policy=Policy(adding_is_async=True)) as client:
        answer = client.post("/movies", json={"title": "Alien"})
    assert answer.status_code == 202
    assert answer.headers["Preference-Applied"] == "respond-async"
    assert omdb.calls == 0


def test_a_film_that_comes_in_time_is_answered(client: TestClient, worker: Worker) -> None:
    headers = {"Prefer": "respond-async, wait=20"}
    with worker.working():
        answer = client.post("/movies", json={"title": "Alien"}, headers=headers)
        missing = client.post("/movies", json={"title": "Nothing"}, headers=headers)
    assert (answer.status_code, answer.json()["title"]) == (201, "Alien")
    assert answer.headers["Preference-Applied"] == "respond-async, wait=20"
    assert answer.headers["Location"] == "/movies/1"
    assert (missing.status_code, missing.json()["state"]) == (202, "not_found")


def test_what_does_not_come_in_time_is_followed(client: TestClient) -> None:
    started = time.monotonic()
    headers = {"Prefer": "respond-async; x=y, wait=1"}
    answer = client.post("/movies", json={"title": "Alien"}, headers=headers)
    assert answer.status_code == 202
    assert time.monotonic() - started >= 1


def test_many_films_are_wished_for_and_the_same_joins(client: TestClient, worker: Worker) -> None:
    wishes = [
        "Alien",
        "tt0088846",
        {"title": "Alien", "year": 1979},
        "ALIEN",
        {"imdb_id": "tt0088846"},
    ]
    fetches = wish(client, *wishes)
    ids = [each["id"] for each in fetches]
    assert (ids[0], ids[1]) == (ids[3], ids[4])
    assert len(set(ids)) == 3
    assert fetches[1]["wish"] == {"imdb_id": "tt0088846", "title": None, "year": None}
    assert fetches[2]["wish"] == {"imdb_id": None, "title": "Alien", "year": 1979}
    assert [each["id"] for each in wish(client, *wishes)] == ids
    assert worker.work() == 3
    assert {each["movie_url"] for each in wish(client, *wishes)} == {"/movies/1", "/movies/2"}


def test_a_thousand_wishes_are_taken_and_no_more(
    client: TestClient, writer: dict[str, str]
) -> None:
    fetches = wish(client, *(f"tt{number:07}" for number in range(1000)), **writer)
    assert len({each["id"] for each in fetches}) == 1000
    wishes = [f"tt{number:07}" for number in range(1001)]
    assert client.post("/fetches", json={"wishes": wishes}).status_code == 422


@pytest.mark.parametrize(
    "body",
    [
        {}, {"wishes": []}, {"wishes": "Alien"}, {"wishes": [7]}, {"wishes": [None]},
        {"wishes": [" "]}, {"wishes": ["\x00"]}, {"wishes": ["x" * 501]}, {"wishes": [{}]},
        {"wishes": [{"title": "Alien", "imdb_id": "tt0078748"}]}, {"titles": ["Alien"]},
        {"wishes": ["Alien"], "more": 1}, [],
    ],
)  # fmt: skip
def test_what_is_no_wish_is_told_so(client: TestClient, body: object) -> None:
    answer = client.post("/fetches", json=body)
    assert answer.status_code == 422
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert client.get("/fetches").json()["fetches"] == []


def test_fetches_are_listed_newest_first(client: TestClient, worker: Worker) -> None:
    wish(client, "Alien", "Nothing")
    worker.work()
    wish(client, "Brazil")
    listed = client.get("/fetches").json()
    assert [each["wish"]["title"] for each in listed["fetches"]] == ["Brazil", "Nothing", "Alien"]
    assert listed["next_url"] is None
    first = client.get("/fetches?limit=2").json()
    assert first["next_url"] == "/fetches?limit=2&before=2"
    rest = client.get(first["next_url"]).json()
    assert [each["wish"]["title"] for each in rest["fetches"]] == ["Alien"]
    (absent,) = client.get("/fetches?state=not_found").json()["fetches"]
    assert absent["wish"]["title"] == "Nothing"
    assert client.get("/fetches?state=lost").status_code == 422


@pytest.mark.parametrize(
    "error",
    [
        NotFound("OMDb has no such movie."),
        UpstreamTimeout("OMDb did not answer in time."),
        UpstreamQuota("Spent."),
    ],
)
def test_the_problem_is_the_one_of_the_direct_call(
    client: TestClient, worker: Worker, omdb: SmallOmdb, error: MoviesError
) -> None:
    omdb.error = error
    (fetch,) = wish(client, "Alien", **{"X-Request-ID": "a-request"})
    worker.work()
    found = client.get(fetch["self_url"]).json()["problem"]
    direct = client.post("/movies", json={"title": "Alien"}, headers={"X-Request-ID": "a-request"})
    assert found == direct.json()
    assert found["request_id"] == "a-request"


@pytest.mark.parametrize("path", ["/fetches/7", "/fetches/7/events"])
def test_a_fetch_that_is_not_there_is_a_404(client: TestClient, path: str) -> None:
    assert client.get(path).status_code == 404
    assert client.get(path).json()["detail"] == "No fetch has this id."


@pytest.mark.parametrize("number", ["0", "-1", "x", "1.0", "9" * 30, "1_0"])
def test_what_is_no_id_is_told_so(client: TestClient, number: str) -> None:
    assert client.get(f"/fetches/{number}").status_code == 422


def test_a_fetch_is_tried_again_and_cancelled_by_who_may(
    client: TestClient, worker: Worker, writer: dict[str, str], database: Database
) -> None:
    (fetch,) = wish(client, "Nothing")
    worker.work()
    for action in ("retry", "cancel"):
        assert client.post(f"{fetch['self_url']}/{action}").status_code == 401
    again = client.post(f"{fetch['self_url']}/retry", headers=writer)
    assert (again.status_code, again.json()["state"]) == (200, "queued")
    cancelled = client.post(f"{fetch['self_url']}/cancel", headers=writer)
    assert (cancelled.status_code, cancelled.json()["state"]) == (200, "cancelled")
    assert worker.work() == 0
    done = wish(client, "Alien")[0]["self_url"]
    worker.work()
    assert client.post(f"{done}/retry", headers=writer).status_code == 409
    assert client.post(f"{done}/cancel", headers=writer).status_code == 409
    assert client.post("/fetches/99/retry", headers=writer).status_code == 404
    with database.unit_of_work(is_read_only=True) as uow:
        actions = [each.action for each in uow.audit.list(AuditQuery())]
    assert actions[:3] == ["movie.created", "fetch.cancelled", "fetch.retried"]


def test_the_same_request_is_done_once(client: TestClient, writer: dict[str, str]) -> None:
    key = {"Idempotency-Key": "a-key"}
    answers = [
        client.post("/fetches", json={"wishes": ["Alien"]}, headers=key | writer) for _ in range(2)
    ]
    assert answers[0].json() == answers[1].json()
    assert answers[1].headers["Idempotency-Replayed"] == "true"
    adding = [
        client.post("/movies", json={"title": "Brazil"}, headers=ASYNC | {"Idempotency-Key": "b"})
        for _ in range(2)
    ]
    assert [each.status_code for each in adding] == [202, 202]
    assert adding[1].headers["Location"] == adding[0].headers["Location"]


def test_waiting_for_a_fetch(client: TestClient, worker: Worker) -> None:
    (fetch,) = wish(client, "Alien")
    url = fetch["self_url"]
    started = time.monotonic()
    answer = client.get(url, headers={"Prefer": "wait=1"})
    assert (answer.json()["state"], time.monotonic() - started >= 1) == ("queued", True)
    assert answer.headers["Preference-Applied"] == "wait=1"
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
def test_preferences_are_understood_or_ignored(
    client: TestClient, prefer: str, applied: str
) -> None:
    answer = client.post("/movies", json={"title": "Alien"}, headers={"Prefer": prefer})
    assert (answer.status_code, answer.headers["Preference-Applied"]) == (202, applied)


def test_nobody_waits_for_longer_than_the_longest_time(client: TestClient, worker: Worker) -> None:
    (fetch,) = wish(client, "Alien")
    worker.work()
    answer = client.get(fetch["self_url"], headers={"Prefer": "wait=99999"})
    assert answer.headers["Preference-Applied"] == f"wait={WAIT_MAX_SECONDS}"


def events(text: str) -> list[dict[str, Any]]:
    """The documents of a stream of events."""
    blocks = [
        block.splitlines() for block in text.split("\n\n") if block.startswith("event: fetch")
    ]
    return [json.loads(block[1].removeprefix("data: ")) for block in blocks]


def test_a_fetch_is_followed_until_it_is_done(client: TestClient, worker: Worker) -> None:
    (fetch,) = wish(client, "Alien")
    with ThreadPoolExecutor() as pool:
        following = pool.submit(client.get, f"{fetch['self_url']}/events")
        time.sleep(0.5)
        with worker.working():
            answer = following.result(timeout=20)
    assert answer.headers["Content-Type"] == "text/event-stream; charset=utf-8"
    assert answer.headers["Cache-Control"] == "no-store"
    states = [each["state"] for each in events(answer.text)]
    assert (states[0], states[-1]) == ("queued", "fetched")
    assert "id: 1\n" in answer.text
    done = client.get(f"{fetch['self_url']}/events")
    assert [each["state"] for each in events(done.text)] == ["fetched"]


def test_a_stream_lives_on_and_ends_in_time(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(router, "PING_SECONDS", 0.05)
    monkeypatch.setattr(router, "EVENTS_SECONDS", 0.5)
    (fetch,) = wish(client, "Alien")
    answer = client.get(f"{fetch['self_url']}/events")
    assert answer.status_code == 200
    assert ": ping\n\n" in answer.text
    assert len(events(answer.text)) == 1


def test_the_head_of_a_stream_is_not_waited_for(client: TestClient) -> None:
    (fetch,) = wish(client, "Alien")
    answer = client.head(f"{fetch['self_url']}/events")
    assert answer.headers["Content-Type"] == "text/event-stream; charset=utf-8"
    assert answer.content == b""


def test_only_so_many_follow_at_once(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetch_movies, "FOLLOWERS_MAX", 0)
    (fetch,) = wish(client, "Alien")
    answer = client.get(fetch["self_url"], headers={"Prefer": "wait=5"})
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "5")
    assert client.get(f"{fetch['self_url']}/events").text == ""


def test_wishes_of_strangers_are_limited_and_those_of_writers_are_not(
    database: Database, omdb: SmallOmdb, writer: dict[str, str]
) -> None:
    omdb.films = [ALIEN]
    store(database.unit_of_work, BRAZIL)
    limits = Limits(adds=RateLimit("adds", Rate(3, 3600), Windows()))
    with new_client(database, omdb, limits=limits) as client:
        wish(client, "One", "Two", "Brazil", "One")
        assert client.post("/movies", json={"title": "Two"}, headers=ASYNC).status_code == 202
        assert client.post("/movies", json={"title": "Three"}, headers=ASYNC).status_code == 202
        refused = client.post("/movies", json={"title": "Four"}, headers=ASYNC)
        assert refused.status_code == 429
        assert client.post("/fetches", json={"wishes": ["Four"]}).status_code == 429
        wish(client, *(f"Film {number}" for number in range(50)), **writer)


def test_wishing_can_be_closed(database: Database, omdb: SmallOmdb) -> None:
    with new_client(database, omdb, policy=Policy(adding_requires_key=True)) as client:
        assert client.post("/fetches", json={"wishes": ["Alien"]}).status_code == 401
        assert client.post("/movies", json={"title": "A"}, headers=ASYNC).status_code == 401


def test_nobody_is_kept_waiting_when_the_service_stops(database: Database) -> None:
    fetches = Fetches(database.unit_of_work)
    (fetch,) = fetches.wish([TitleWish("Alien")], Wisher())

    async def scenario() -> float:
        stopping = Stopping()
        called: list[str] = []
        stopping.call(lambda: called.append("told"))
        waiting = FetchMovies(fetches, run_inline, run_inline, stopping)
        asyncio.get_running_loop().call_later(0.1, stopping.set)
        started = time.monotonic()
        assert await waiting.wait(fetch, 30) == fetch
        assert called == ["told"]
        return time.monotonic() - started

    assert asyncio.run(scenario()) < 10
    quiet = Stopping()
    quiet.set()
    assert quiet.is_set


def test_the_state_of_omdb_is_shown_to_who_may_see_it(
    client: TestClient, worker: Worker, api_key_of: Callable[..., str]
) -> None:
    wish(client, "Alien", "Nothing")
    worker.work()
    wish(client, "Brazil")
    assert client.get("/upstream").status_code == 401
    answer = client.get("/upstream", headers={"X-API-Key": api_key_of(Scope.OPS_READ)}).json()
    assert answer["fetches"] == {"queued": 1, "fetched": 1, "not_found": 1}
    assert answer["breaker"] == {"state": "closed", "failures": 0, "until": None, "reason": None}
    assert answer["quota"]["daily_limit"] is None
    assert answer["attempts"] == {"asked": 2}
    lines = client.get("/metrics").text.splitlines()
    assert 'movies_fetches{state="queued"} 1.0' in lines
    assert "movies_upstream_left_alone 0.0" in lines


def test_wishes_wait_for_who_looks(client: TestClient, worker: Worker) -> None:
    wish(client, "Alien")
    assert len(worker.fetches.list(FetchQuery())) == 1
