"""Tests of `Idempotency-Key`: a request is executed once, and its response is replayed."""

import asyncio
import dataclasses
import datetime as dt
import secrets
import signal
import threading
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest
import requests
from fastapi import Response
from fastapi.testclient import TestClient

from common.clock import utc_now
from common.errors import Conflict, DatabaseUnavailable, InvalidInput, NotFound, UpstreamTimeout
from common.executors import run_inline
from data_fetcher.emulator.server import EmulatorOptions
from data_fetcher.tests.emulator_thread import emulator
from data_layer.database import Database
from data_layer.entities.idempotency_record import IdempotencyRecord
from data_layer.entities.movie import MovieFacts
from data_layer.entities.scope import Scope
from data_layer.ports.unit_of_work import UnitOfWork
from data_layer.testing.fakes.unit_of_work import FakeDatabase, FakeUnitOfWork
from movies_service.accounts.api_keys import ApiKeys, NewKey
from movies_service.accounts.caller import COMMAND_LINE, Caller
from movies_service.accounts.signing_keys import SigningKeys
from movies_service.api.dependencies.idempotency import IdempotentRequest
from movies_service.api.dependencies.use_cases import UseCases
from movies_service.tests.conftest import ReadLog, SmallOmdb, store
from movies_service.tests.service_process import running
from movies_service.tests.test_users import PASSWORD
from movies_service.use_cases.idempotency import (
    CALLER_MAX_BYTES,
    HOLD_SECONDS,
    KEEP_HOURS,
    TRIM_SECONDS,
    IdempotencyStore,
    StoredResponse,
)

KEY = {"Idempotency-Key": "f3b1c6a0"}
ALIEN = MovieFacts(title="Alien", imdb_id="tt0078748")


def test_replays_the_response_of_a_repeated_request(client: TestClient, omdb: SmallOmdb) -> None:
    omdb.movies = [ALIEN]
    first = client.post("/movies", json={"title": "Alien"}, headers=KEY)
    again = client.post("/movies", json={"title": "Alien"}, headers=KEY)
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.content == again.content
    for name in ("location", "etag", "catalogue-revision", "content-type"):
        assert first.headers[name] == again.headers[name]
    assert "idempotency-replayed" not in first.headers
    assert again.headers["idempotency-replayed"] == "true"
    assert client.post("/movies", json={"title": "Alien"}).status_code == 200
    assert omdb.calls == 1


def test_rejects_a_key_that_was_used_with_a_different_request(
    client: TestClient, omdb: SmallOmdb, api_key_of: Callable[..., str]
) -> None:
    omdb.movies = [ALIEN]
    client.post("/movies", json={"title": "Alien"}, headers=KEY)
    for other in ({"title": "Brazil"}, {"imdb_id": "tt0078748"}):
        response = client.post("/movies", json=other, headers=KEY)
        assert response.status_code == 422
        assert response.json()["errors"][0]["field"] == "Idempotency-Key"
    other_caller = KEY | {"X-API-Key": api_key_of(Scope.MOVIES_WRITE)}
    assert client.post("/movies/1/refresh", headers=other_caller).status_code == 200
    assert client.post("/movies", json={"title": "Alien"}, headers=other_caller).status_code == 422


@pytest.mark.parametrize("key", ["", " ", "a b", "a\tb", "x" * 256])
def test_rejects_an_invalid_key(client: TestClient, omdb: SmallOmdb, key: str) -> None:
    omdb.movies = [ALIEN]
    response = client.post("/movies", json={"title": "Alien"}, headers={"Idempotency-Key": key})
    assert (response.status_code, omdb.calls) == (422, 0)


def test_replays_secrets_and_stores_them_encrypted(
    client: TestClient, database: Database, api_key_of: Callable[..., str]
) -> None:
    boss = KEY | {"X-API-Key": api_key_of(Scope.ADMIN)}
    new_key = {"name": "nightly", "scopes": ["movies:delete"]}
    first = client.post("/api-keys", json=new_key, headers=boss)
    again = client.post("/api-keys", json=new_key, headers=boss)
    assert (first.status_code, first.json()) == (again.status_code, again.json())
    assert first.status_code == 201
    rotate = f"{first.headers['location']}/rotate"
    boss["Idempotency-Key"] = "rotation"
    rotated = [client.post(rotate, headers=boss).json()["key"] for _ in range(2)]
    assert rotated[0] == rotated[1] != first.json()["key"]
    boss["Idempotency-Key"] = "user"
    new_user = {"username": "bob", "password": PASSWORD, "scopes": []}
    responses = [client.post("/users", json=new_user, headers=boss) for _ in range(2)]
    assert [response.status_code for response in responses] == [201, 201]
    with database.engines.reading.connect() as connection:
        query = "SELECT response FROM idempotency_records"
        stored = b"".join(connection.exec_driver_sql(query).scalars())
    assert b"mvs_" not in stored


def test_any_error_releases_the_key(client: TestClient, omdb: SmallOmdb, read_log: ReadLog) -> None:
    omdb.error = UpstreamTimeout("OMDb did not respond in time.")
    assert client.post("/movies", json={"title": "Stalker"}, headers=KEY).status_code == 504
    omdb.error = RuntimeError("A bug.")  # type: ignore[assignment]  # Not a MoviesError.
    assert client.post("/movies", json={"title": "Brazil"}, headers=KEY).status_code == 500
    assert "unexpected_error" in [line["event"] for line in read_log()]
    omdb.error = None
    assert client.post("/movies", json={"title": "Stalker"}, headers=KEY).status_code == 404
    omdb.movies = [ALIEN]
    assert client.post("/movies", json={"title": "Alien"}, headers=KEY).status_code == 201


def test_a_failed_release_does_not_hide_the_outcome() -> None:
    database, is_down = FakeDatabase(), False

    def open_unit(*, is_read_only: bool = False) -> FakeUnitOfWork:
        if is_down:
            raise DatabaseUnavailable("The database is temporarily unavailable.")
        return database(is_read_only=is_read_only)

    async def work(_record: object) -> None:
        nonlocal is_down
        is_down = True
        raise NotFound("OMDb has no such movie.")

    store = IdempotencyStore(open_unit, SigningKeys(database))
    use_cases = cast("UseCases", SimpleNamespace(idempotency=store, write=run_inline))
    request = IdempotentRequest(use_cases, "key", b"POST /movies")
    with pytest.raises(NotFound):
        asyncio.run(request.run(Caller(), work, lambda _: Response()))


def test_stores_no_response_of_a_request_that_changed_nothing(
    client: TestClient, database: Database, omdb: SmallOmdb, api_key_of: Callable[..., str]
) -> None:
    writer = {"X-API-Key": api_key_of(Scope.MOVIES_WRITE)}
    omdb.movies = [ALIEN]
    client.post("/movies", json={"title": "Alien"})
    client.post("/fetches", json={"movies": ["Brazil"]})
    cancel = client.get("/fetches?state=queued").json()["fetches"][0]["self_url"] + "/cancel"
    for path, body, status in (
        ("/movies", {"title": "Alien"}, 200),
        ("/movies", {"title": "Stalker"}, 404),
        ("/fetches", {"movies": ["Alien", "Brazil"]}, 202),
        (cancel, None, 200),
        (f"{cancel.removesuffix('cancel')}retry", None, 200),
    ):
        for number in range(3):
            key = {"Idempotency-Key": f"{path} {number}".replace(" ", "-")}
            response = client.post(path, json=body, headers=writer | key)
            assert response.status_code == status
            assert "idempotency-replayed" not in response.headers
    with database.engines.reading.connect() as connection:
        count = connection.exec_driver_sql("SELECT count(*) FROM idempotency_records").scalar()
    assert count == 2  # The cancellation, and the retry of the cancelled fetch.


def test_replays_the_response_of_a_refresh(
    client: TestClient, database: Database, omdb: SmallOmdb, api_key_of: Callable[..., str]
) -> None:
    store(database.unit_of_work, ALIEN)
    writer = KEY | {"X-API-Key": api_key_of(Scope.MOVIES_WRITE)}
    omdb.movies = [dataclasses.replace(ALIEN, imdb_votes=1)]
    first = client.post("/movies/1/refresh", headers=writer)
    omdb.movies = [dataclasses.replace(ALIEN, imdb_votes=2)]
    again = client.post("/movies/1/refresh", headers=writer)
    assert first.json()["imdb_votes"] == again.json()["imdb_votes"] == 1
    assert omdb.calls == 1


@pytest.mark.parametrize("prefer", [{}, {"Prefer": "respond-async"}])
def test_a_known_movie_does_not_lock_the_key(
    client: TestClient,
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
    prefer: dict[str, str],
) -> None:
    def lock(*_arguments: object) -> None:
        raise AssertionError("The key was locked.")

    store(database.unit_of_work, ALIEN)
    monkeypatch.setattr(IdempotencyStore, "begin", lock)
    response = client.post("/movies", json={"title": "Alien"}, headers=KEY | prefer)
    assert response.status_code == 200
    assert "idempotency-replayed" not in response.headers


RESPONSE = StoredResponse(201, (("location", "/x"),), b"\x00body")


def begin(
    store: IdempotencyStore, key: str = "k", request: bytes = b"r", client: str = "user:alice"
) -> IdempotencyRecord:
    """Begin a new request, and return its record."""
    record = store.begin(client, key, request)
    assert isinstance(record, IdempotencyRecord)
    return record


def finish(
    database: FakeDatabase,
    store: IdempotencyStore,
    record: IdempotencyRecord,
    response: StoredResponse = RESPONSE,
) -> None:
    """Store the response of a request, and commit."""
    with database() as uow:
        store.record(uow, record, response)
        uow.commit()


def test_a_request_in_flight_holds_its_key_until_the_lock_expires() -> None:
    now = utc_now()
    database = FakeDatabase()
    idempotency = IdempotencyStore(database, SigningKeys(database), lambda: now)
    abandoned = begin(idempotency)
    with pytest.raises(Conflict):
        begin(idempotency)
    now += dt.timedelta(seconds=HOLD_SECONDS)
    retry = begin(idempotency)
    with pytest.raises(Conflict):
        finish(database, idempotency, abandoned)
    idempotency.release_lock(abandoned)
    finish(database, idempotency, retry)
    idempotency.release_lock(retry)
    assert idempotency.begin("user:alice", "k", b"r") == RESPONSE
    with pytest.raises(InvalidInput):
        idempotency.begin("user:alice", "k", b"another")
    now += dt.timedelta(hours=KEEP_HOURS, seconds=1)
    idempotency.release_lock(begin(idempotency, request=b"another"))
    begin(idempotency)
    with pytest.raises(Conflict):
        finish(database, idempotency, abandoned)


def test_does_not_restore_a_response_that_was_deleted_meanwhile() -> None:
    database = FakeDatabase()
    idempotency = IdempotencyStore(database, SigningKeys(database))
    record = begin(idempotency)
    finish(database, idempotency, record)
    final = dataclasses.replace(RESPONSE, status=200)
    idempotency.replace_response(record, final)
    assert idempotency.begin("user:alice", "k", b"r") == final
    with database() as uow:
        uow.idempotency_records.remove(record.id)
        uow.commit()
    idempotency.replace_response(record, RESPONSE)
    assert isinstance(idempotency.begin("user:alice", "k", b"r"), IdempotencyRecord)


def test_finds_a_stored_response_without_locking_the_key() -> None:
    now = utc_now()
    database = FakeDatabase()
    idempotency = IdempotencyStore(database, SigningKeys(database), lambda: now)

    def find(request: bytes = b"r") -> StoredResponse | None:
        return idempotency.find("user:alice", "k", request)

    assert find() is None
    held = begin(idempotency)
    with pytest.raises(Conflict):
        find()
    finish(database, idempotency, held)
    assert find() == RESPONSE
    with pytest.raises(InvalidInput):
        find(b"another")
    now += dt.timedelta(hours=KEEP_HOURS, seconds=1)
    assert find(b"another") is None


def test_bounds_the_stored_responses_of_a_caller_and_of_all(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = utc_now()
    database = FakeDatabase()
    store = IdempotencyStore(database, SigningKeys(database, [b"s" * 32]), lambda: now)
    large = StoredResponse(201, (), secrets.token_bytes(CALLER_MAX_BYTES // 4))

    def make(key: str, client: str = "user:alice") -> None:
        nonlocal now
        now += dt.timedelta(seconds=1)
        finish(database, store, begin(store, key, client=client), large)

    def is_stored(key: str, client: str = "user:alice") -> bool:
        return store.begin(client, key, b"r") == large

    make("1", "user:bob")
    for key in "1234":
        make(key)
    running = begin(store, "running")
    assert [is_stored(key) for key in "1234"] == [False, False, True, True]
    assert is_stored("1", "user:bob")
    monkeypatch.setattr("movies_service.use_cases.idempotency.TOTAL_MAX_BYTES", 2**20)
    now += dt.timedelta(seconds=TRIM_SECONDS)
    make("2", "user:bob")
    assert [is_stored("1", "user:bob"), is_stored("3"), is_stored("4")] == [False, False, True]
    finish(database, store, running)


def test_a_stored_response_survives_one_key_rotation_and_is_never_executed_again() -> None:
    database = FakeDatabase()
    keys = SigningKeys(database)
    idempotency = IdempotencyStore(database, keys)
    finish(database, idempotency, begin(idempotency))
    keys.rotate(COMMAND_LINE)
    assert idempotency.begin("user:alice", "k", b"r") == RESPONSE
    keys.rotate(COMMAND_LINE, revokes_existing=True)
    with pytest.raises(Conflict, match="no longer be decrypted"):
        idempotency.begin("user:alice", "k", b"r")
    from_settings = SigningKeys(database, [b"s" * 32])
    idempotency = IdempotencyStore(database, from_settings)
    finish(database, idempotency, begin(idempotency, "other"))
    assert idempotency.begin("user:alice", "other", b"r") == RESPONSE


@pytest.mark.integration
def test_executes_concurrent_requests_once_and_replays_after_a_crash(tmp_path: Path) -> None:
    settings = {"OMDB_API_KEY": "key", "MOVIES_SEED": "off"}
    with (
        emulator(EmulatorOptions(latency_ms=300)) as omdb_url,
        running(tmp_path, OMDB_URL=omdb_url, **settings) as service,
    ):
        url = service.url()
        responses: list[requests.Response] = []
        threads = [
            threading.Thread(
                target=lambda: responses.append(
                    requests.post(f"{url}/movies", json={"title": "Alien"}, headers=KEY, timeout=20)
                )
            )
            for _ in range(10)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        statuses = sorted(response.status_code for response in responses)
        assert statuses == [201] + [409] * 9
        first = next(response for response in responses if response.status_code == 201)
        service.process.send_signal(signal.SIGKILL)
        service.process.wait()
        with running(
            tmp_path, OMDB_URL=omdb_url, OMDB_API_KEY="key", MOVIES_SEED="off"
        ) as restarted:
            again = requests.post(
                f"{restarted.url()}/movies", json={"title": "Alien"}, headers=KEY, timeout=20
            )
    assert (again.status_code, again.content) == (201, first.content)


@pytest.mark.integration
def test_a_crash_after_the_commit_loses_no_secret(database: Database) -> None:
    """Check that the response is stored in the transaction that creates the key."""
    keys = ApiKeys(database.unit_of_work)
    idempotency = IdempotencyStore(database.unit_of_work, SigningKeys(database.unit_of_work))
    record = begin(idempotency)

    def record_response(uow: UnitOfWork, new: NewKey) -> None:
        idempotency.record(uow, record, StoredResponse(201, (), new.secret.encode()))

    created = keys.create("robot", {Scope.ADMIN}, record=record_response)
    again = idempotency.begin("user:alice", "k", b"r")
    assert isinstance(again, StoredResponse)
    assert again.body.decode() == created.secret
