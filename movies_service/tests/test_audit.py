"""Tests of the audit log."""

from collections.abc import Callable

from fastapi.testclient import TestClient

from data_layer.database import Database
from data_layer.entities.movie import MovieFacts
from data_layer.entities.scope import Scope
from movies_service.accounts.caller import COMMAND_LINE
from movies_service.accounts.users import Users
from movies_service.tests.conftest import ReadLog, SmallOmdb, store
from movies_service.tests.test_users import PASSWORD, bearer, sign_in


def test_writes_are_audited_and_logged_with_their_caller(
    client: TestClient,
    database: Database,
    omdb: SmallOmdb,
    read_log: ReadLog,
    api_key_of: Callable[..., str],
) -> None:
    store(database.unit_of_work, MovieFacts(title="Alien"))
    omdb.movies = [MovieFacts(title="Brazil")]
    Users(database.unit_of_work).add("alice", PASSWORD, {Scope.ADMIN}, COMMAND_LINE)
    client.post("/movies", json={"title": "Brazil"}, headers={"X-Request-ID": "mine"})
    client.post("/movies", json={"title": "Brazil"})
    key = api_key_of(Scope.MOVIES_WRITE)
    patch = {"year": 1979, "plot": None}
    client.patch("/movies/1", json=patch, headers={"X-API-Key": key})
    alice = bearer(sign_in(client))
    client.delete("/movies/1", headers=alice)
    client.delete("/movies/1", headers=alice)
    client.post("/logout", headers=alice)
    alice = bearer(sign_in(client))

    entries = client.get("/audit", headers=alice).json()["entries"]
    audited = [(entry["caller"], entry["action"], entry["subject"]) for entry in reversed(entries)]
    robot = f"key:{key[4:12]}"
    assert audited == [
        ("command line", "user.created", "/users/alice"),
        ("anonymous", "movie.created", "/movies/2"),
        ("command line", "api_key.created", f"/api-keys/{key[4:12]}"),
        (robot, "movie.changed", "/movies/1"),
        ("user:alice", "session.started", "/users/alice"),
        ("user:alice", "movie.removed", "/movies/1"),
        ("user:alice", "session.ended", "/users/alice"),
        ("user:alice", "session.started", "/users/alice"),
    ]
    assert entries[-4]["fields"] == ["year"]
    assert entries[-2]["request_id"] == "mine"
    logged = [line for line in read_log() if line["event"] == "audit"]
    assert [(line["caller"], line["action"], line["subject"]) for line in logged] == [
        each for each in audited if each[0] != "command line"
    ]


def test_lists_the_audit_log_in_pages_to_callers_with_the_scope(
    client: TestClient, database: Database, api_key_of: Callable[..., str]
) -> None:
    users = Users(database.unit_of_work)
    for number in range(5):
        users.add(f"user{number}", PASSWORD, set(), COMMAND_LINE)
    assert client.get("/audit").status_code == 401
    assert client.get("/audit", headers={"X-API-Key": api_key_of()}).status_code == 403
    reader = {"X-API-Key": api_key_of(Scope.OPS_READ)}
    url, subjects = "/audit?action=user.created&caller=command+line&limit=2", []
    while url:
        page = client.get(url, headers=reader).json()
        subjects += [entry["subject"] for entry in page["entries"]]
        url = page["next_url"]
    assert subjects == [f"/users/user{number}" for number in (4, 3, 2, 1, 0)]
    filtered = client.get("/audit?subject=/users/user3", headers=reader).json()
    assert [entry["subject"] for entry in filtered["entries"]] == ["/users/user3"]
    for query in ("limit=0", "limit=101", "before=x", "who=alice"):
        assert client.get(f"/audit?{query}", headers=reader).status_code == 422
