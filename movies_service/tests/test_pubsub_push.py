"""Pub/Sub push endpoint: tokens signed with a test key, and valid and invalid messages."""

import asyncio
import base64
import datetime as dt
import json
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Event, Thread
from typing import Any

import jwt
import pytest
import requests
from cryptography.hazmat.primitives.asymmetric import rsa
from fastapi import FastAPI
from fastapi.testclient import TestClient

from common.errors import Unauthenticated, Unavailable, UpstreamQuotaExceeded
from data_fetcher.fetch_queue.completion import DELAY_SECONDS
from data_fetcher.fetch_queue.deduplication_key import Requester
from data_fetcher.fetch_queue.movie_source import MovieSource
from data_fetcher.fetch_queue.queue import FetchQueue
from data_fetcher.omdb.admission import Purpose
from data_fetcher.omdb.lookups import MovieLookup, TitleLookup
from data_fetcher.tests.stub_admission import StubAdmission
from data_fetcher.throttling.admission_controller import UpstreamAdmission
from data_fetcher.throttling.daily_quota import Quota
from data_layer.database import Database
from data_layer.entities.fetch import FetchState
from data_layer.entities.movie import MovieFacts
from movies_service.api.routers.pubsub_push import PATH
from movies_service.app import MiddlewareOptions, create_app
from movies_service.bootstrap import FetchingDependencies, built_use_cases
from movies_service.telemetry.counters import ProcessCounters
from movies_service.tests.conftest import SmallOmdb
from movies_service.tests.service_process import running
from movies_service.use_cases.pubsub_push import (
    KEYS_RETRY_SECONDS,
    WAITING_MAX,
    PushHandler,
    PushTokenVerifier,
)

pytestmark = pytest.mark.integration

AUDIENCE, EMAIL = "https://movies.example/push", "push@project.iam.gserviceaccount.com"
KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
OTHER_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
ALIEN = MovieFacts(title="Alien", imdb_id="tt0078748")


@pytest.fixture(scope="module")
def certs_url() -> Iterator[str]:
    """Yield the URL of a JSON Web Key Set with the public test key."""
    jwk = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(KEY.public_key()))
    document = json.dumps({"keys": [jwk | {"kid": "1", "use": "sig", "alg": "RS256"}]}).encode()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(document)

        def log_message(self, *_args: object) -> None:
            """Log nothing."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/certs"
        server.shutdown()
        thread.join()


def token(key: rsa.RSAPrivateKey = KEY, kid: str = "1", **changes: object) -> str:
    """Return a token as Pub/Sub signs it, with changed claims; `None` removes a claim."""
    now = dt.datetime.now(dt.UTC)
    claims = {
        "iss": "https://accounts.google.com",
        "aud": AUDIENCE,
        "email": EMAIL,
        "email_verified": True,
        "sub": "1234567890",
        "iat": now,
        "exp": now + dt.timedelta(hours=1),
        **changes,
    }
    claims = {name: value for name, value in claims.items() if value is not None}
    return jwt.encode(claims, key, algorithm="RS256", headers={"kid": kid})


def message(data: bytes) -> dict[str, Any]:
    return {
        "message": {"data": base64.b64encode(data).decode(), "messageId": "1"},
        "subscription": "projects/p/subscriptions/s",
    }


@pytest.fixture
def fetches(database: Database) -> FetchQueue:
    return FetchQueue(database.unit_of_work)


Push = Callable[..., tuple[int, str]]


@pytest.fixture
def push(
    database: Database, omdb: SmallOmdb, fetches: FetchQueue, certs_url: str
) -> Iterator[Push]:
    """Yield a function that pushes a message and returns status and error code."""
    omdb.movies = [ALIEN]
    tokens = PushTokenVerifier(AUDIENCE, EMAIL, certs_url)
    with _client(database, omdb, fetches, tokens) as client:

        def post(
            data: bytes | dict[str, Any] = b"{}", bearer: str | None = None
        ) -> tuple[int, str]:
            body = message(data) if isinstance(data, bytes) else data
            headers = {"Authorization": f"Bearer {bearer or token()}"}
            response = client.post(PATH, json=body, headers=headers)
            return response.status_code, response.json()["code"] if response.content else ""

        yield post


def _client(
    database: Database, omdb: SmallOmdb, fetches: FetchQueue, tokens: PushTokenVerifier
) -> TestClient:
    @asynccontextmanager
    async def lifespan(api: FastAPI) -> AsyncIterator[None]:
        fetching = FetchingDependencies(
            fetches, UpstreamAdmission(database.unit_of_work, Quota()), tokens
        )
        with built_use_cases(
            database, omdb, ProcessCounters, fetching=fetching
        ) as api.state.use_cases:
            yield

    return TestClient(create_app(lifespan, MiddlewareOptions()))


def enqueue(fetches: FetchQueue, *titles: str) -> list[int]:
    enqueued = fetches.enqueue([TitleLookup(title) for title in titles], Requester())
    return [each.known_id for each in enqueued]


def notify(fetch_id: int) -> bytes:
    return json.dumps({"fetch_id": fetch_id}).encode()


def test_pushed_fetches_are_completed_before_the_response(push: Push, fetches: FetchQueue) -> None:
    (fetch_id,) = enqueue(fetches, "Alien")
    assert push(notify(fetch_id)) == (204, "")
    assert fetches.get(fetch_id).state is FetchState.FETCHED
    assert push(notify(fetch_id)) == (204, "")
    assert push(notify(999)) == (204, "")


def test_a_movie_that_omdb_does_not_have_is_acknowledged(push: Push, fetches: FetchQueue) -> None:
    (fetch_id,) = enqueue(fetches, "Nothing")
    assert push(notify(fetch_id)) == (204, "")
    assert fetches.get(fetch_id).state is FetchState.NOT_FOUND


def test_paused_fetches_are_redelivered(push: Push, fetches: FetchQueue, omdb: SmallOmdb) -> None:
    (fetch_id,) = enqueue(fetches, "Alien")
    omdb.error = UpstreamQuotaExceeded("Daily OMDb quota used up.")
    for _delivery in range(2):  # At the second one, the fetch is not due yet.
        assert push(notify(fetch_id)) == (503, "unavailable")
        assert fetches.get(fetch_id).state is FetchState.QUEUED


def test_the_cause_of_a_redelivery_is_named(database: Database) -> None:
    fetches, admission = FetchQueue(database.unit_of_work), StubAdmission()

    async def fetch(_lookup: MovieLookup, _purpose: Purpose) -> MovieFacts:
        raise UpstreamQuotaExceeded("Daily OMDb quota used up.", retry_after_seconds=90)

    tokens = PushTokenVerifier(AUDIENCE, EMAIL, "http://127.0.0.1:9/certs")
    handler = PushHandler(tokens, fetches, MovieSource(fetch, admission, 1))
    (fetch_id,) = enqueue(fetches, "Alien")
    with pytest.raises(Unavailable, match="quota used up") as refused:
        asyncio.run(handler.run(fetch_id))
    assert refused.value.retry_after_seconds == 90
    with pytest.raises(Unavailable, match="not due yet") as early:
        asyncio.run(handler.run(fetch_id))
    assert 1 <= (early.value.retry_after_seconds or 0) <= DELAY_SECONDS


def test_a_message_without_a_fetch_id_processes_due_fetches(
    push: Push, fetches: FetchQueue
) -> None:
    ids = enqueue(fetches, "Alien", "Nothing", "Nothing else")
    assert push(b"{}") == (204, "")
    assert {fetches.get(each).state for each in ids} == {
        FetchState.FETCHED,
        FetchState.NOT_FOUND,
    }


def test_a_fetch_cancelled_during_processing_is_acknowledged(
    push: Push, fetches: FetchQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    (fetch_id,) = enqueue(fetches, "Alien")
    monkeypatch.setattr(fetches, "complete", lambda *_args, **_options: ())
    assert push(notify(fetch_id)) == (204, "")


@pytest.mark.parametrize(
    "body",
    [
        {}, {"message": {}}, {"message": {"data": "?"}}, {"message": {"data": 7}}, {"message": "x"},
        message(b""), message(b"[]"), message(b'{"fetch_id": "7"}'), message(b'{"id": 7}'),
    ],
)  # fmt: skip  # A table is easier to read in long lines.
def test_invalid_messages_are_rejected(push: Push, body: dict[str, Any]) -> None:
    status, code = push(body)
    assert status in {400, 422}
    assert code in {"malformed-body", "invalid-input"}


@pytest.mark.parametrize(
    ("bearer", "status"),
    [
        (token(aud="https://else.example"), 401),
        (token(iss="https://evil.example"), 401),
        (token(exp=dt.datetime(2020, 1, 1, tzinfo=dt.UTC)), 401),
        (token(exp=None), 401),
        (token(email=None), 401),
        (token(key=OTHER_KEY), 401),
        (token(kid="2"), 401),
        (token(email="mallory@project.iam.gserviceaccount.com"), 403),
        (token(email_verified=False), 403),
        (token(email_verified="true"), 403),
        (jwt.encode({"aud": AUDIENCE}, "", algorithm="none"), 401),
        (jwt.encode({"aud": AUDIENCE}, "x" * 32, algorithm="HS256", headers={"kid": "1"}), 401),
        ("x", 401),
    ],
)
def test_only_pubsub_may_push(push: Push, fetches: FetchQueue, bearer: str, status: int) -> None:
    (fetch_id,) = enqueue(fetches, "Alien")
    assert push(notify(fetch_id), bearer)[0] == status
    assert fetches.get(fetch_id).state is FetchState.QUEUED


def test_pushes_are_rejected_while_the_public_keys_are_unavailable(
    database: Database, omdb: SmallOmdb, fetches: FetchQueue
) -> None:
    tokens = PushTokenVerifier(AUDIENCE, EMAIL, "http://127.0.0.1:9/certs")
    with _client(database, omdb, fetches, tokens) as client:
        response = client.post(
            PATH, json=message(b"{}"), headers={"Authorization": f"Bearer {token()}"}
        )
        assert (response.status_code, response.json()["code"]) == (503, "unavailable")
        assert client.post(PATH, json=message(b"{}")).status_code == 401


def test_a_failed_download_of_the_keys_is_not_repeated_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    downloads, now = [], 0.0

    def download(_keys: jwt.PyJWKClient) -> None:
        downloads.append(now)
        raise ConnectionResetError

    monkeypatch.setattr(jwt.PyJWKClient, "fetch_data", download)
    tokens = PushTokenVerifier(AUDIENCE, EMAIL, "http://x/certs", lambda: now)
    for bearer in (token(aud="x"), token(), token()):
        with pytest.raises((Unauthenticated, Unavailable)):
            asyncio.run(tokens.check(f"Bearer {bearer}"))
    now = KEYS_RETRY_SECONDS
    with pytest.raises(Unavailable):
        asyncio.run(tokens.check(f"Bearer {token()}"))
    assert downloads == [0, KEYS_RETRY_SECONDS]


def test_few_tokens_wait_for_the_keys_and_none_in_the_default_executor(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    released = Event()

    def download(_keys: jwt.PyJWKClient) -> None:
        released.wait(10)
        raise TimeoutError

    monkeypatch.setattr(jwt.PyJWKClient, "fetch_data", download)
    tokens = PushTokenVerifier(AUDIENCE, EMAIL, "http://x/certs")
    bearer = f"Bearer {token()}"

    async def scenario() -> list[str]:
        waiting = [asyncio.create_task(tokens.check(bearer)) for _ in range(WAITING_MAX)]
        await asyncio.sleep(0)
        with pytest.raises(Unavailable, match="Too many"):
            await tokens.check(bearer)
        await asyncio.gather(*(asyncio.to_thread(int) for _ in range(WAITING_MAX)))
        assert not any(task.done() for task in waiting)
        released.set()
        return [str(each) for each in await asyncio.gather(*waiting, return_exceptions=True)]

    assert all("could not be downloaded" in each for each in asyncio.run(scenario()))


def test_settings_configure_the_push_endpoint(tmp_path: Path, certs_url: str) -> None:
    settings = {
        "MOVIES_SEED": "off",
        "MOVIES_FETCH_BACKEND": "workers",
        "MOVIES_PUBSUB_PUSH_AUDIENCE": AUDIENCE,
        "MOVIES_PUBSUB_PUSH_EMAIL": EMAIL,
        "MOVIES_PUBSUB_CERTS_URL": certs_url,
    }
    with running(tmp_path, **settings) as service:
        url = f"{service.url()}{PATH}"
        assert requests.post(url, json=message(b"{}"), timeout=20).status_code == 401
        headers = {"Authorization": f"Bearer {token()}"}
        service.read_until("Ready. Try:")
        response = requests.post(url, json=message(b"{}"), headers=headers, timeout=20)
        assert response.status_code == 204
        assert service.stop() == 0


def test_push_endpoint_is_missing_unless_configured(client: TestClient) -> None:
    assert client.post(PATH, json=message(b"{}")).status_code == 404
    assert client.get(PATH).status_code == 405
