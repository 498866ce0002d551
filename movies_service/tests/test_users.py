"""Tests of users and their sessions."""

import datetime as dt
import re
from collections.abc import Callable

import pytest
from fastapi.testclient import TestClient

from common.clock import utc_now
from common.errors import Unauthenticated
from data_layer.database import Database
from data_layer.entities.audit_entry import AuditQuery
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
    """Return the users: Alice, with the scope `movies:write`."""
    all_users = Users(database.unit_of_work)
    all_users.add("alice", PASSWORD, {Scope.MOVIES_WRITE}, COMMAND_LINE)
    return all_users


def sign_in(
    client: TestClient, username: str = "alice", password: str = PASSWORD
) -> dict[str, str]:
    """Log in, and return the tokens."""
    response = client.post("/login", json={"username": username, "password": password})
    assert response.status_code == 200, response.text
    tokens: dict[str, str] = response.json()
    return tokens


def bearer(tokens: dict[str, str]) -> Headers:
    """Return the header with the access token."""
    return {"Authorization": f"Bearer {tokens['access_token']}"}


def test_logs_in_refreshes_and_logs_out(client: TestClient, users: Users) -> None:
    response = client.post("/login", json={"username": "Alice", "password": PASSWORD})
    first = response.json()
    assert response.headers["cache-control"] == "no-store"
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


def test_accepts_a_form_as_login(client: TestClient, users: Users) -> None:
    form = {"username": "alice", "password": PASSWORD}
    assert client.post("/login", data=form).status_code == 200
    for body, status in (
        (b"username=alice", 422),
        (b"username=alice&password=x&scope=admin", 422),
        (b"username=alice&username=bob&password=x", 422),
        (b"username=%ff&password=x", 400),
        ("username=ä&password=x".encode(), 400),
        (b"username=alice&password=x" + b"&x" * 32, 400),
    ):
        media_type = {"Content-Type": "application/x-www-form-urlencoded"}
        response = client.post("/login", content=body, headers=media_type)
        assert (response.status_code, "alice" in response.text) == (status, False)
    assert client.post("/login", content=b"x", headers={"Content-Type": "x/y"}).status_code == 415


def test_failed_logins_do_not_reveal_their_cause(client: TestClient, users: Users) -> None:
    users.add("bob", PASSWORD, set(), COMMAND_LINE)
    users.set_disabled("bob", COMMAND_LINE, is_disabled=True)
    details = set()
    for username, password in (
        ("alice", "wrong wrong wrong"),
        ("unknown", PASSWORD),
        ("bob", PASSWORD),
        ("alice", "x" * 300),
        ("alice", "\x00"),
        ("", ""),
    ):
        response = client.post("/login", json={"username": username, "password": password})
        assert response.status_code == 401
        details.add(response.json()["detail"])
    assert len(details) == 1


def test_failed_logins_are_audited_with_the_names_of_existing_users_only(
    client: TestClient, database: Database, users: Users
) -> None:
    for username in ("Alice", "my secret password"):
        client.post("/login", json={"username": username, "password": "wrong wrong wrong"})
    with database.unit_of_work(is_read_only=True) as uow:
        entries = uow.audit.list(AuditQuery(action="login.failed"))
    assert [(each.subject, each.caller, each.address) for each in entries] == [
        ("/users", "anonymous", "unknown"),
        ("/users/alice", "anonymous", "unknown"),
    ]


def test_reusing_a_refresh_token_ends_the_session(client: TestClient, users: Users) -> None:
    first = sign_in(client)
    body = {"refresh_token": first["refresh_token"]}
    second = client.post("/login/refresh", json=body).json()
    assert client.post("/login/refresh", json=body).json() == second
    third = client.post("/login/refresh", json={"refresh_token": second["refresh_token"]}).json()
    assert client.post("/login/refresh", json=body).status_code == 401
    assert client.get("/me", headers=bearer(third)).status_code == 401
    body = {"refresh_token": third["refresh_token"]}
    assert client.post("/login/refresh", json=body).status_code == 401
    assert client.get("/me", headers=bearer(sign_in(client))).status_code == 200


def test_a_refresh_whose_response_was_lost_can_be_repeated_briefly() -> None:
    now = utc_now()
    database = FakeDatabase()
    Users(database).add("alice", PASSWORD, set(), COMMAND_LINE)
    sessions = Sessions(database, SigningKeys(database), lambda: now)
    home, elsewhere = Caller(address="192.0.2.1"), Caller(address="192.0.2.2")
    first = sessions.start("alice", PASSWORD, home)
    second = sessions.refresh(first.refresh, home)
    now += dt.timedelta(seconds=30)
    assert sessions.refresh(first.refresh, home) == second
    assert sessions.refresh(second.refresh, home).refresh not in {first.refresh, second.refresh}
    for reused, by, seconds in (
        ("latest", elsewhere, 0),
        ("latest", home, 31),
        ("older", home, 0),
    ):
        tokens = [sessions.start("alice", PASSWORD, home)]
        for _refresh in range(3):
            tokens.append(sessions.refresh(tokens[-1].refresh, home))
        now += dt.timedelta(seconds=seconds)
        with pytest.raises(Unauthenticated):
            sessions.refresh(tokens[-2 if reused == "latest" else -3].refresh, by)
        with pytest.raises(Unauthenticated):
            sessions.refresh(tokens[-1].refresh, home)
        assert database.audit[-1].action == "session.refresh_token_reused"


@pytest.mark.parametrize(
    "token", ["", "x", "mvr_", f"mvr_{'0' * 32}_{'A' * 43}", f"mvr_{'0' * 32}_{'A' * 43}\n"]
)
def test_rejects_an_invalid_refresh_token(client: TestClient, token: str) -> None:
    response = client.post("/login/refresh", json={"refresh_token": token})
    assert response.status_code == 401


def test_changing_the_password_ends_all_sessions(client: TestClient, users: Users) -> None:
    here, there = sign_in(client), sign_in(client)
    change = {"password": PASSWORD, "new_password": "something else entirely"}
    wrong = client.post("/me/password", json=change | {"password": "x"}, headers=bearer(here))
    assert wrong.status_code == 401
    short = client.post("/me/password", json=change | {"new_password": "x"}, headers=bearer(here))
    assert short.json()["errors"][0]["field"] == "body.new_password"
    assert client.post("/me/password", json=change, headers=bearer(here)).status_code == 204
    for tokens in (here, there):
        assert client.get("/me", headers=bearer(tokens)).status_code == 401
    old = client.post("/login", json={"username": "alice", "password": PASSWORD})
    assert old.status_code == 401
    sign_in(client, password="something else entirely")


@pytest.mark.parametrize("change", ["disable", "passwd"])
def test_changes_of_the_operator_end_sessions_at_once(
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


def test_new_scopes_apply_to_the_next_request(client: TestClient, users: Users) -> None:
    tokens = sign_in(client)
    users.set_scopes("alice", {Scope.OPS_READ}, COMMAND_LINE)
    assert client.get("/me", headers=bearer(tokens)).json()["scopes"] == ["ops:read"]


@pytest.mark.parametrize("path", ["/logout", "/me/password"])
def test_session_endpoints_reject_api_keys(
    client: TestClient, database: Database, path: str
) -> None:
    key = ApiKeys(database.unit_of_work).create("robot", {Scope.ADMIN}).secret
    change = {"password": "x", "new_password": PASSWORD}
    assert client.post(path, json=change).status_code == 401
    response = client.post(path, json=change, headers={"X-API-Key": key})
    assert response.status_code == 403
    assert client.get("/me", headers={"X-API-Key": key}).json()["caller"].startswith("key:")
    assert client.get("/me").status_code == 401


@pytest.fixture
def boss(database: Database) -> dict[str, str]:
    """Header with an API key that administers users."""
    return {"X-API-Key": ApiKeys(database.unit_of_work).create("boss", {Scope.USERS_ADMIN}).secret}


def test_creates_lists_and_changes_users(
    client: TestClient, users: Users, boss: dict[str, str]
) -> None:
    bob = {"username": "bob", "password": PASSWORD, "scopes": ["users:admin"]}
    created = client.post("/users", json=bob, headers=boss)
    assert (created.status_code, created.headers["location"]) == (201, "/users/bob")
    assert created.json()["scopes"] == ["users:admin"]
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


def test_users_with_scopes_that_the_caller_lacks_cannot_be_created_or_changed(
    client: TestClient, users: Users, boss: dict[str, str]
) -> None:
    bob = {"username": "bob", "password": PASSWORD, "scopes": ["admin"]}
    assert client.post("/users", json=bob, headers=boss).status_code == 403
    for change in ({"disabled": True}, {"scopes": ["users:admin"]}, {"scopes": ["admin"]}):
        response = client.patch("/users/alice", json=change, headers=boss)
        assert response.status_code == 403
        assert re.search("lacks the scope (movies:write|admin)", response.json()["detail"])
    assert client.post("/users", json=bob).status_code == 401


@pytest.mark.parametrize("username", ["", "Bob", "a b", "a\n", "-a", "a" * 65, "é"])
def test_rejects_an_invalid_username(
    client: TestClient, api_key_of: Callable[..., str], username: str
) -> None:
    bob = {"username": username, "password": PASSWORD, "scopes": []}
    headers = {"X-API-Key": api_key_of(Scope.USERS_ADMIN)}
    assert client.post("/users", json=bob, headers=headers).status_code == 422


def test_a_change_during_the_password_check_prevents_the_login() -> None:
    database = FakeDatabase()
    users = Users(database)
    users.add("alice", PASSWORD, set(), COMMAND_LINE)
    sessions = Sessions(database, SigningKeys(database))
    stored = database.users["alice"].password_hash
    users.set_disabled("alice", COMMAND_LINE, is_disabled=True)
    for password_hash in (stored, "another"):
        with pytest.raises(Unauthenticated):
            sessions._start("alice", password_hash, COMMAND_LINE)  # As after the password check.
    assert database.sessions == {}
    sessions.end("0" * 32, COMMAND_LINE)
    sessions._set_password("unknown", "x", COMMAND_LINE)
    assert [entry.action for entry in database.audit] == ["user.created", "user.changed"]


def test_an_invalid_password_hash_rejects_every_password(
    client: TestClient, database: Database
) -> None:
    Users(database.unit_of_work).add("alice", PASSWORD, set(), COMMAND_LINE)
    with database.engines.writing.begin() as connection:
        connection.exec_driver_sql("UPDATE users SET password_hash = 'correct horse battery'")
    response = client.post("/login", json={"username": "alice", "password": PASSWORD})
    assert response.status_code == 401


def test_expired_sessions_are_rejected_and_deleted() -> None:
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
