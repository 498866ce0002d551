"""What Pub/Sub pushes: tokens of a Google of our own, messages good and bad."""

import base64
import datetime as dt
import json
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import jwt
import pytest
import requests
from cryptography.hazmat.primitives.asymmetric import rsa
from fastapi import FastAPI
from fastapi.testclient import TestClient

from common.errors import Conflict, UpstreamQuota
from data_fetcher.fetch_queue.completion import Settled
from data_fetcher.fetch_queue.deduplication_key import Wisher
from data_fetcher.fetch_queue.queue import Fetches
from data_fetcher.omdb.lookups import TitleWish
from data_fetcher.throttling.admission_controller import UpstreamCare
from data_fetcher.throttling.daily_quota import Quota
from data_layer.database import Database
from data_layer.entities.fetch import FetchState
from data_layer.entities.movie import MovieFacts
from movies_service.api.routers.pubsub_push import PATH
from movies_service.app import EdgeOptions, create_app
from movies_service.bootstrap import Fetching, built_services
from movies_service.telemetry.collector import Counts
from movies_service.tests.conftest import SmallOmdb
from movies_service.tests.service_process import running
from movies_service.use_cases.pubsub_push import PushTokens

pytestmark = pytest.mark.integration

AUDIENCE, EMAIL = "https://movies.example/push", "push@project.iam.gserviceaccount.com"
KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
OTHER_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
ALIEN = MovieFacts(title="Alien", imdb_id="tt0078748")


@pytest.fixture(scope="module")
def certs_url() -> Iterator[str]:
    """Where the public key is, as Google shows its own."""
    jwk = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(KEY.public_key()))
    document = json.dumps({"keys": [jwk | {"kid": "1", "use": "sig", "alg": "RS256"}]}).encode()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(document)

        def log_message(self, *_args: object) -> None:
            """Say nothing."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/certs"
        server.shutdown()
        thread.join()


def token(key: rsa.RSAPrivateKey = KEY, kid: str = "1", **changes: object) -> str:
    """A token as Pub/Sub signs it, but for some claims."""
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


class Troubled(Fetches):
    """Wishes whose films somebody else stores meanwhile, once."""

    errors: list[Exception]

    def settle(self, *args: object, **options: object) -> tuple[Settled, ...]:
        if self.errors:
            raise self.errors.pop()
        return super().settle(*args, **options)  # type: ignore[arg-type]  # As given.


@pytest.fixture
def fetches(database: Database) -> Troubled:
    fetches = Troubled(database.unit_of_work)
    fetches.errors = []
    return fetches


Push = Callable[..., tuple[int, str]]


@pytest.fixture
def push(database: Database, omdb: SmallOmdb, fetches: Fetches, certs_url: str) -> Iterator[Push]:
    """Pushes a message; gives the status and the code of the problem."""
    omdb.films = [ALIEN]
    tokens = PushTokens(AUDIENCE, EMAIL, certs_url)
    with _client(database, omdb, fetches, tokens) as client:

        def post(
            data: bytes | dict[str, Any] = b"{}", bearer: str | None = None
        ) -> tuple[int, str]:
            body = message(data) if isinstance(data, bytes) else data
            headers = {"Authorization": f"Bearer {bearer or token()}"}
            answer = client.post(PATH, json=body, headers=headers)
            return answer.status_code, answer.json()["code"] if answer.content else ""

        yield post


def _client(
    database: Database, omdb: SmallOmdb, fetches: Fetches, tokens: PushTokens
) -> TestClient:
    @asynccontextmanager
    async def lifespan(api: FastAPI) -> AsyncIterator[None]:
        fetching = Fetching(fetches, UpstreamCare(database.unit_of_work, Quota()), tokens)
        with built_services(database, omdb, Counts, fetching=fetching) as api.state.services:
            yield

    return TestClient(create_app(lifespan, EdgeOptions()))


def wish(fetches: Fetches, *titles: str) -> list[int]:
    made = fetches.wish([TitleWish(title) for title in titles], Wisher())
    return [each.known_id for each in made]


def announce(fetch_id: int) -> bytes:
    return json.dumps({"fetch_id": fetch_id}).encode()


def test_what_is_pushed_is_done_before_it_is_answered(push: Push, fetches: Fetches) -> None:
    (fetch_id,) = wish(fetches, "Alien")
    assert push(announce(fetch_id)) == (204, "")
    assert fetches.get(fetch_id).state is FetchState.FETCHED
    assert push(announce(fetch_id)) == (204, "")
    assert push(announce(999)) == (204, "")


def test_a_film_that_is_not_to_be_had_is_done_with(push: Push, fetches: Fetches) -> None:
    (fetch_id,) = wish(fetches, "Nothing")
    assert push(announce(fetch_id)) == (204, "")
    assert fetches.get(fetch_id).state is FetchState.NOT_FOUND


def test_what_has_to_wait_is_sent_again(push: Push, fetches: Fetches, omdb: SmallOmdb) -> None:
    (fetch_id,) = wish(fetches, "Alien")
    omdb.error = UpstreamQuota("Spent.")
    assert push(announce(fetch_id)) == (503, "unavailable")
    assert fetches.get(fetch_id).state is FetchState.QUEUED


def test_a_message_without_a_wish_has_all_done_that_is_due(push: Push, fetches: Fetches) -> None:
    ids = wish(fetches, "Alien", "Nothing", "Nothing else")
    assert push(b"{}") == (204, "")
    assert {fetches.get(each).state for each in ids} == {
        FetchState.FETCHED,
        FetchState.NOT_FOUND,
    }


def test_a_film_that_somebody_stores_meanwhile_is_found(push: Push, fetches: Troubled) -> None:
    (fetch_id,) = wish(fetches, "Alien")
    fetches.errors = [Conflict("Somebody was faster.")]
    assert push(announce(fetch_id)) == (204, "")
    assert fetches.get(fetch_id).state is FetchState.FETCHED


def test_a_wish_that_was_cancelled_meanwhile_is_done_with(
    push: Push, fetches: Troubled, monkeypatch: pytest.MonkeyPatch
) -> None:
    (fetch_id,) = wish(fetches, "Alien")
    monkeypatch.setattr(fetches, "settle", lambda *_args, **_options: ())
    assert push(announce(fetch_id)) == (204, "")


@pytest.mark.parametrize(
    "body",
    [
        {}, {"message": {}}, {"message": {"data": "?"}}, {"message": {"data": 7}}, {"message": "x"},
        message(b""), message(b"[]"), message(b'{"fetch_id": "7"}'), message(b'{"id": 7}'),
    ],
)  # fmt: skip
def test_what_is_no_message_is_refused_and_ends_at_the_dead_letters(
    push: Push, body: dict[str, Any]
) -> None:
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
def test_only_pubsub_may_push(push: Push, fetches: Fetches, bearer: str, status: int) -> None:
    (fetch_id,) = wish(fetches, "Alien")
    assert push(announce(fetch_id), bearer)[0] == status
    assert fetches.get(fetch_id).state is FetchState.QUEUED


def test_without_the_keys_nobody_may(database: Database, omdb: SmallOmdb, fetches: Fetches) -> None:
    tokens = PushTokens(AUDIENCE, EMAIL, "http://127.0.0.1:9/certs")
    with _client(database, omdb, fetches, tokens) as client:
        answer = client.post(
            PATH, json=message(b"{}"), headers={"Authorization": f"Bearer {token()}"}
        )
        assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
        assert client.post(PATH, json=message(b"{}")).status_code == 401


def test_a_service_is_told_by_its_settings_who_may_push(tmp_path: Path, certs_url: str) -> None:
    settings = {
        "MOVIES_SEED": "off",
        "MOVIES_FETCH_ENGINE": "workers",
        "MOVIES_PUBSUB_PUSH_AUDIENCE": AUDIENCE,
        "MOVIES_PUBSUB_PUSH_EMAIL": EMAIL,
        "MOVIES_PUBSUB_CERTS_URL": certs_url,
    }
    with running(tmp_path, **settings) as service:
        url = f"{service.url()}{PATH}"
        assert requests.post(url, json=message(b"{}"), timeout=20).status_code == 401
        headers = {"Authorization": f"Bearer {token()}"}
        service.read_until("Ready. Try:")
        answer = requests.post(url, json=message(b"{}"), headers=headers, timeout=20)
        assert answer.status_code == 204
        assert service.stop() == 0


def test_where_nothing_is_pushed_there_is_nothing(client: TestClient) -> None:
    assert client.post(PATH, json=message(b"{}")).status_code == 404
    assert client.get(PATH).status_code == 405
