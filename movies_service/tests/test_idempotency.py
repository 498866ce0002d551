"""Requests that are repeated: done once, answered alike."""

import dataclasses
import datetime as dt
import signal
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
import requests
from fastapi.testclient import TestClient

from common.clock import utc_now
from common.errors import Conflict, InvalidInput, UpstreamTimeout
from data_layer.database import Database
from data_layer.entities.idempotency_record import KeptAnswer
from data_layer.entities.movie import MovieFacts
from data_layer.entities.scope import Scope
from data_layer.testing.fakes.unit_of_work import FakeDatabase
from movies_service.accounts.api_keys import ApiKeys
from movies_service.accounts.caller import COMMAND_LINE
from movies_service.accounts.signing_keys import SigningKeys
from movies_service.tests.conftest import SmallOmdb, store
from movies_service.tests.service_process import emulator, running
from movies_service.tests.test_users import PASSWORD
from movies_service.use_cases.idempotency import HOLD_SECONDS, KEEP_HOURS, Answer, KeptAnswers

KEY = {"Idempotency-Key": "f3b1c6a0"}
ALIEN = MovieFacts(title="Alien", imdb_id="tt0078748")


def test_a_repeated_wish_is_the_same_answer(client: TestClient, omdb: SmallOmdb) -> None:
    omdb.films = [ALIEN]
    first = client.post("/movies", json={"title": "Alien"}, headers=KEY)
    again = client.post("/movies", json={"title": "Alien"}, headers=KEY)
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.content == again.content
    for name in ("location", "etag", "catalogue-revision", "content-type"):
        assert first.headers[name] == again.headers[name]
    assert "idempotency-replayed" not in first.headers
    assert again.headers["idempotency-replayed"] == "true"
    assert client.post("/movies", json={"title": "Alien"}).status_code == 200
    here = {"Idempotency-Key": "another"}
    answers = [client.post("/movies", json={"title": "Alien"}, headers=here) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 200]
    assert omdb.calls == 1


def test_another_request_needs_another_key(
    client: TestClient, omdb: SmallOmdb, api_key_of: Callable[..., str]
) -> None:
    omdb.films = [ALIEN]
    client.post("/movies", json={"title": "Alien"}, headers=KEY)
    for other in ({"title": "Brazil"}, {"imdb_id": "tt0078748"}):
        answer = client.post("/movies", json=other, headers=KEY)
        assert answer.status_code == 422
        assert answer.json()["errors"][0]["field"] == "Idempotency-Key"
    somebody = KEY | {"X-API-Key": api_key_of(Scope.MOVIES_WRITE)}
    assert client.post("/movies", json={"title": "Alien"}, headers=somebody).status_code == 200
    assert client.post("/movies/1/refresh", headers=somebody).status_code == 422


@pytest.mark.parametrize("key", ["", " ", "a b", "a\tb", "x" * 256])
def test_what_is_no_key_is_told_so(client: TestClient, omdb: SmallOmdb, key: str) -> None:
    omdb.films = [ALIEN]
    answer = client.post("/movies", json={"title": "Alien"}, headers={"Idempotency-Key": key})
    assert (answer.status_code, omdb.calls) == (422, 0)


def test_a_secret_that_is_shown_once_is_shown_to_who_repeats(
    client: TestClient, database: Database, api_key_of: Callable[..., str]
) -> None:
    boss = KEY | {"X-API-Key": api_key_of(Scope.ADMIN)}
    wanted = {"name": "nightly", "scopes": ["movies:delete"]}
    first = client.post("/api-keys", json=wanted, headers=boss)
    again = client.post("/api-keys", json=wanted, headers=boss)
    assert (first.status_code, first.json()) == (again.status_code, again.json())
    assert first.status_code == 201
    rotate = f"{first.headers['location']}/rotate"
    boss["Idempotency-Key"] = "rotation"
    rotated = [client.post(rotate, headers=boss).json()["key"] for _ in range(2)]
    assert rotated[0] == rotated[1] != first.json()["key"]
    boss["Idempotency-Key"] = "user"
    wanted = {"username": "bob", "password": PASSWORD, "scopes": []}
    answers = [client.post("/users", json=wanted, headers=boss) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [201, 201]
    kept = database.engines.reading.connect()
    with kept:
        contents = b"".join(kept.exec_driver_sql("SELECT content FROM kept_answers").scalars())
    assert b"mvs_" not in contents


def test_errors_that_are_final_are_answers_and_others_can_be_tried_again(
    client: TestClient, omdb: SmallOmdb
) -> None:
    wish = {"title": "Alien"}
    first = client.post("/movies", json=wish, headers=KEY)
    omdb.films = [ALIEN]
    again = client.post("/movies", json=wish, headers=KEY)
    assert (first.status_code, first.content) == (404, again.content)
    omdb.error = UpstreamTimeout("OMDb did not answer in time.")
    later, wish = {"Idempotency-Key": "later"}, {"imdb_id": "tt0078748"}
    assert client.post("/movies", json=wish, headers=later).status_code == 504
    omdb.error = None
    assert client.post("/movies", json=wish, headers=later).status_code == 201


def test_a_refresh_is_repeated_alike(
    client: TestClient, database: Database, omdb: SmallOmdb, api_key_of: Callable[..., str]
) -> None:
    store(database.unit_of_work, ALIEN)
    writer = KEY | {"X-API-Key": api_key_of(Scope.MOVIES_WRITE)}
    omdb.films = [dataclasses.replace(ALIEN, imdb_votes=1)]
    first = client.post("/movies/1/refresh", headers=writer)
    omdb.films = [dataclasses.replace(ALIEN, imdb_votes=2)]
    again = client.post("/movies/1/refresh", headers=writer)
    assert first.json()["imdb_votes"] == again.json()["imdb_votes"] == 1
    assert omdb.calls == 1


ANSWER = Answer(201, (("location", "/x"),), b"\x00body")


def begun(answers: KeptAnswers, key: str = "k", request: bytes = b"r") -> KeptAnswer:
    """What the request holds."""
    held = answers.begin("user:alice", key, request)
    assert isinstance(held, KeptAnswer)
    return held


def test_a_request_in_flight_is_waited_for_until_its_process_has_died() -> None:
    now = utc_now()
    database = FakeDatabase()
    answers = KeptAnswers(database, SigningKeys(database), lambda: now)
    dead = begun(answers)
    with pytest.raises(Conflict):
        begun(answers)
    now += dt.timedelta(seconds=HOLD_SECONDS)
    heir = begun(answers)
    with pytest.raises(Conflict):
        answers.finish(dead, ANSWER)
    answers.finish(heir, ANSWER)
    assert answers.begin("user:alice", "k", b"r") == ANSWER
    with pytest.raises(InvalidInput):
        answers.begin("user:alice", "k", b"another")
    now += dt.timedelta(hours=KEEP_HOURS, seconds=1)
    answers.release(begun(answers, request=b"another"))
    begun(answers)
    with pytest.raises(Conflict):
        answers.finish(dead, ANSWER)


def test_an_answer_outlives_one_rotation_and_is_not_done_again_after_more() -> None:
    database = FakeDatabase()
    keys = SigningKeys(database)
    answers = KeptAnswers(database, keys)
    answers.finish(begun(answers), ANSWER)
    keys.rotate(COMMAND_LINE)
    assert answers.begin("user:alice", "k", b"r") == ANSWER
    keys.rotate(COMMAND_LINE, is_at_once=True)
    with pytest.raises(Conflict, match="was done"):
        answers.begin("user:alice", "k", b"r")
    given = SigningKeys(database, [b"s" * 32])
    answers = KeptAnswers(database, given)
    answers.finish(begun(answers, "other"), ANSWER)
    assert answers.begin("user:alice", "other", b"r") == ANSWER


@pytest.mark.integration
def test_many_at_once_are_one_and_a_crash_changes_no_answer(tmp_path: Path) -> None:
    settings = {"OMDB_API_KEY": "key", "MOVIES_SEED": "off"}
    with (
        emulator("--latency-ms", "300") as omdb_url,
        running(tmp_path, OMDB_URL=omdb_url, **settings) as service,
    ):
        url = service.url()
        answers: list[requests.Response] = []
        threads = [
            threading.Thread(
                target=lambda: answers.append(
                    requests.post(f"{url}/movies", json={"title": "Alien"}, headers=KEY, timeout=20)
                )
            )
            for _ in range(10)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        statuses = sorted(answer.status_code for answer in answers)
        assert statuses == [201] + [409] * 9
        first = next(answer for answer in answers if answer.status_code == 201)
        service.process.send_signal(signal.SIGKILL)
        service.process.wait()
        with running(
            tmp_path, OMDB_URL=omdb_url, OMDB_API_KEY="key", MOVIES_SEED="off"
        ) as next_one:
            again = requests.post(
                f"{next_one.url()}/movies", json={"title": "Alien"}, headers=KEY, timeout=20
            )
    assert (again.status_code, again.content) == (201, first.content)


@pytest.mark.integration
def test_a_crash_right_behind_the_commit_loses_no_secret(database: Database) -> None:
    """The answer is in the transaction of the key: whoever asks again gets it."""
    keys = ApiKeys(database.unit_of_work)
    answers = KeptAnswers(database.unit_of_work, SigningKeys(database.unit_of_work))
    held = begun(answers)
    by = dataclasses.replace(
        COMMAND_LINE,
        on_done=lambda uow, new: answers.keep(uow, held, Answer(201, (), new.secret.encode())),
    )
    made = keys.create("robot", {Scope.ADMIN}, None, by)
    again = answers.begin("user:alice", "k", b"r")
    assert isinstance(again, Answer)
    assert again.body.decode() == made.secret
