"""Users, from making them to ending their sessions."""

import datetime as dt
import re
from collections.abc import Callable

import pytest
from fastapi.testclient import TestClient

from common.clock import utc_now
from common.errors import Unauthenticated
from data_layer.database import Database
from data_layer.entities.scope import Scope
from data_layer.testing.fakes.unit_of_work import FakeDatabase
from movies_service.accounts.api_keys import ApiKeys
from movies_service.accounts.caller import COMMAND_LINE, Caller
from movies_service.accounts.sessions import SESSION_DAYS, Sessions
from movies_service.accounts.signing_keys import SigningKeys
from movies_service.accounts.users import Users

PASSWORD = "correct horse battery"
Headers = dict[str, str]


@pytest.fixture
def users(database: Database) -> Users:
    """Alice, who may change films."""
    made = Users(database.unit_of_work)
    made.add("alice", PASSWORD, {Scope.MOVIES_WRITE}, COMMAND_LINE)
    return made


def sign_in(
    client: TestClient, username: str = "alice", password: str = PASSWORD
) -> dict[str, str]:
    """The tokens."""
    answer = client.post("/login", json={"username": username, "password": password})
    assert answer.status_code == 200, answer.text
    tokens: dict[str, str] = answer.json()
    return tokens


def bearer(tokens: dict[str, str]) -> Headers:
    """The header of somebody who has signed in."""
    return {"Authorization": f"Bearer {tokens['access_token']}"}


def test_a_user_signs_in_stays_signed_in_and_signs_out(client: TestClient, users: Users) -> None:
    answer = client.post("/login", json={"username": "Alice", "password": PASSWORD})
    first = answer.json()
    assert answer.headers["cache-control"] == "no-store"
    assert (first["token_type"], first["expires_in"]) == ("bearer", 900)
    assert client.get("/me", headers=bearer(first)).json() == {
        "caller": "user:alice",
        "scopes": ["movies:write"],
    }
    refreshed = client.post("/login/refresh", json={"refresh_token": first["refresh_token"]})
    assert refreshed.headers["cache-control"] == "no-store"
    second = refreshed.json()
    assert client.get("/me", headers=bearer(second)).status_code == 200
    assert client.post("/logout", headers=bearer(second)).status_code == 204
    for tokens in (first, second):
        assert client.get("/me", headers=bearer(tokens)).status_code == 401
    ended = client.post("/login/refresh", json={"refresh_token": second["refresh_token"]})
    assert ended.status_code == 401


def test_a_form_signs_in_as_well(client: TestClient, users: Users) -> None:
    form = {"username": "alice", "password": PASSWORD}
    assert client.post("/login", data=form).status_code == 200
    for body, status in (
        (b"username=alice", 422),
        (b"username=alice&password=x&scope=admin", 422),
        (b"username=alice&username=bob&password=x", 422),
        (b"username=%ff&password=x", 400),
        ("username=ä&password=x".encode(), 400),
    ):
        media_type = {"Content-Type": "application/x-www-form-urlencoded"}
        answer = client.post("/login", content=body, headers=media_type)
        assert (answer.status_code, "alice" in answer.text) == (status, False)
    assert client.post("/login", content=b"x", headers={"Content-Type": "x/y"}).status_code == 415


def test_nobody_is_told_what_of_a_login_was_wrong(client: TestClient, users: Users) -> None:
    users.add("bob", PASSWORD, set(), COMMAND_LINE)
    users.set_disabled("bob", COMMAND_LINE, is_disabled=True)
    details = set()
    for username, password in (
        ("alice", "wrong wrong wrong"),
        ("nobody", PASSWORD),
        ("bob", PASSWORD),
        ("alice", "x" * 300),
        ("alice", "\x00"),
        ("alice\x00", PASSWORD),
        ("", ""),
    ):
        answer = client.post("/login", json={"username": username, "password": password})
        assert answer.status_code == 401
        details.add(answer.json()["detail"])
    assert len(details) == 1


def test_a_refresh_token_that_is_used_twice_ends_the_session(
    client: TestClient, users: Users
) -> None:
    first = sign_in(client)
    body = {"refresh_token": first["refresh_token"]}
    second = client.post("/login/refresh", json=body).json()
    assert client.post("/login/refresh", json=body).status_code == 401
    assert client.get("/me", headers=bearer(second)).status_code == 401
    body = {"refresh_token": second["refresh_token"]}
    assert client.post("/login/refresh", json=body).status_code == 401
    assert client.get("/me", headers=bearer(sign_in(client))).status_code == 200


@pytest.mark.parametrize(
    "token", ["", "x", "mvr_", f"mvr_{'0' * 32}_{'A' * 43}", f"mvr_{'0' * 32}_{'A' * 43}\n"]
)
def test_what_is_no_refresh_token_refreshes_nothing(client: TestClient, token: str) -> None:
    answer = client.post("/login/refresh", json={"refresh_token": token})
    assert answer.status_code == 401


def test_a_new_password_ends_every_session(client: TestClient, users: Users) -> None:
    here, there = sign_in(client), sign_in(client)
    wanted = {"password": PASSWORD, "new_password": "something else entirely"}
    wrong = client.post("/me/password", json=wanted | {"password": "x"}, headers=bearer(here))
    assert wrong.status_code == 401
    short = client.post("/me/password", json=wanted | {"new_password": "x"}, headers=bearer(here))
    assert short.json()["errors"][0]["field"] == "body.new_password"
    assert client.post("/me/password", json=wanted, headers=bearer(here)).status_code == 204
    for tokens in (here, there):
        assert client.get("/me", headers=bearer(tokens)).status_code == 401
    old = client.post("/login", json={"username": "alice", "password": PASSWORD})
    assert old.status_code == 401
    sign_in(client, password="something else entirely")


@pytest.mark.parametrize("change", ["disable", "passwd"])
def test_what_the_operator_changes_holds_at_once(
    client: TestClient, users: Users, change: str
) -> None:
    tokens = sign_in(client)
    if change == "disable":
        users.set_disabled("alice", COMMAND_LINE, is_disabled=True)
    else:
        users.set_password("alice", "something else entirely", COMMAND_LINE)
    assert client.get("/me", headers=bearer(tokens)).status_code == 401
    body = {"refresh_token": tokens["refresh_token"]}
    assert client.post("/login/refresh", json=body).status_code == 401


def test_what_a_user_may_do_is_asked_anew_each_time(client: TestClient, users: Users) -> None:
    tokens = sign_in(client)
    users.set_scopes("alice", {Scope.OPS_READ}, COMMAND_LINE)
    assert client.get("/me", headers=bearer(tokens)).json()["scopes"] == ["ops:read"]


@pytest.mark.parametrize("path", ["/logout", "/me/password"])
def test_sessions_are_for_users(client: TestClient, database: Database, path: str) -> None:
    key = ApiKeys(database.unit_of_work).create("robot", {Scope.ADMIN}).secret
    wanted = {"password": "x", "new_password": PASSWORD}
    assert client.post(path, json=wanted).status_code == 401
    answer = client.post(path, json=wanted, headers={"X-API-Key": key})
    assert answer.status_code == 403
    assert client.get("/me", headers={"X-API-Key": key}).json()["caller"].startswith("key:")
    assert client.get("/me").status_code == 401


def test_users_are_managed_over_http(client: TestClient, database: Database, users: Users) -> None:
    key = ApiKeys(database.unit_of_work).create("boss", {Scope.USERS_ADMIN}).secret
    boss = {"X-API-Key": key}
    bob = {"username": "bob", "password": PASSWORD, "scopes": ["users:admin"]}
    made = client.post("/users", json=bob, headers=boss)
    assert (made.status_code, made.headers["location"]) == (201, "/users/bob")
    assert made.json()["scopes"] == ["users:admin"]
    assert client.post("/users", json=bob, headers=boss).status_code == 409
    names = [user["username"] for user in client.get("/users", headers=boss).json()["users"]]
    assert names == ["alice", "bob"]
    assert "argon" not in client.get("/users", headers=boss).text
    tokens = sign_in(client, "bob")
    changed = client.patch("/users/bob", json={"disabled": True, "scopes": []}, headers=boss)
    assert (changed.status_code, changed.json()["scopes"]) == (200, [])
    assert client.get("/users/bob", headers=boss).json()["disabled_at"] is not None
    assert client.get("/me", headers=bearer(tokens)).status_code == 401
    client.patch("/users/bob", json={"disabled": False}, headers=boss)
    scoped = client.patch("/users/bob", json={"scopes": ["users:admin"]}, headers=boss)
    assert (scoped.json()["scopes"], scoped.json()["disabled_at"]) == (["users:admin"], None)
    sign_in(client, "bob")
    for method, path in (("GET", "/users/carol"), ("PATCH", "/users/carol")):
        body = {"disabled": True} if method == "PATCH" else None
        assert client.request(method, path, json=body, headers=boss).status_code == 404


def test_nobody_makes_or_takes_over_a_user_who_may_do_more(
    client: TestClient, database: Database, users: Users
) -> None:
    key = ApiKeys(database.unit_of_work).create("boss", {Scope.USERS_ADMIN}).secret
    boss = {"X-API-Key": key}
    bob = {"username": "bob", "password": PASSWORD, "scopes": ["admin"]}
    assert client.post("/users", json=bob, headers=boss).status_code == 403
    for change in ({"disabled": True}, {"scopes": ["users:admin"]}, {"scopes": ["admin"]}):
        answer = client.patch("/users/alice", json=change, headers=boss)
        assert answer.status_code == 403
        assert re.search("lacks the scope (movies:write|admin)", answer.json()["detail"])
    assert client.post("/users", json=bob).status_code == 401


@pytest.mark.parametrize("username", ["", "Bob", "a b", "a\n", "-a", "a" * 65, "é"])
def test_names_that_no_user_has(
    client: TestClient, api_key_of: Callable[..., str], username: str
) -> None:
    bob = {"username": username, "password": PASSWORD, "scopes": []}
    headers = {"X-API-Key": api_key_of(Scope.USERS_ADMIN)}
    assert client.post("/users", json=bob, headers=headers).status_code == 422


def test_what_changes_while_a_password_is_checked_counts() -> None:
    database = FakeDatabase()
    users = Users(database)
    users.add("alice", PASSWORD, set(), COMMAND_LINE)
    sessions = Sessions(database, SigningKeys(database))
    stored = database.users["alice"].password_hash
    users.set_disabled("alice", COMMAND_LINE, is_disabled=True)
    for password_hash in (stored, "another"):
        with pytest.raises(Unauthenticated):
            sessions._start("alice", password_hash, COMMAND_LINE)  # Behind the check.
    assert database.sessions == {}
    sessions.end("0" * 32, COMMAND_LINE)
    sessions._set_password("nobody", "x", COMMAND_LINE)
    assert [entry.action for entry in database.audit] == ["user.created", "user.changed"]


def test_a_hash_that_somebody_wrote_by_hand_opens_nothing(
    client: TestClient, database: Database
) -> None:
    Users(database.unit_of_work).add("alice", PASSWORD, set(), COMMAND_LINE)
    with database.engines.writing.begin() as connection:
        connection.exec_driver_sql("UPDATE users SET password_hash = 'correct horse battery'")
    answer = client.post("/login", json={"username": "alice", "password": PASSWORD})
    assert answer.status_code == 401


def test_sessions_that_have_expired_are_over_and_forgotten() -> None:
    now = utc_now()
    database = FakeDatabase()
    Users(database).add("alice", PASSWORD, set(), COMMAND_LINE)
    sessions = Sessions(database, SigningKeys(database), lambda: now)
    by = Caller(address="192.0.2.1")
    tokens = sessions.start("alice", PASSWORD, by)
    (session,) = database.sessions.values()
    assert re.fullmatch(f"mvr_{session.id}_[A-Za-z0-9_-]{{43}}", tokens.refresh)
    assert (len(session.id), session.address) == (32, "192.0.2.1")
    assert session.expires_at == now + dt.timedelta(days=30)
    assert tokens.access not in repr(tokens)
    assert tokens.refresh not in repr(tokens)
    assert sessions.authenticate(tokens.access).username == "alice"
    assert sessions.is_known_address("alice", "192.0.2.1")
    assert not sessions.is_known_address("alice", "192.0.2.2")
    assert not sessions.is_known_address("alice", "192.0.2.0")
    now += dt.timedelta(days=SESSION_DAYS)
    for call in (
        lambda: sessions.authenticate(tokens.access),
        lambda: sessions.refresh(tokens.refresh, by),
    ):
        with pytest.raises(Unauthenticated):
            call()
    now += dt.timedelta(seconds=1)
    sessions.start("alice", PASSWORD, by)
    assert len(database.sessions) == 1
