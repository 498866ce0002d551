"""Faults of the database: the service on real servers that stop, freeze, lock and fill up."""

import dataclasses
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path

import psycopg
import pymysql
import pytest
import requests
from fastapi.testclient import TestClient

from common.errors import DatabaseUnavailable
from data_layer.database import Database
from data_layer.database_options import DatabaseOptions
from data_layer.entities.movie import MovieFacts
from data_layer.entities.scope import Scope
from data_layer.tests.faults import limit_values
from data_layer.tests.servers import TEMPLATE, Server
from movies_service.accounts.api_keys import ApiKeys
from movies_service.app import MiddlewareOptions
from movies_service.response_cache.options import CacheOptions
from movies_service.tests.conftest import SmallOmdb, new_client, store
from movies_service.tests.service_process import running
from movies_service.use_cases import readiness

pytestmark = pytest.mark.integration

IMPATIENT = DatabaseOptions(
    connect_timeout_seconds=2, statement_timeout_seconds=1, lock_timeout_seconds=1
)
ALIEN = MovieFacts(title="Alien", imdb_id="tt0078748", genres=("Horror",))
BRAZIL = MovieFacts(title="Brazil", imdb_id="tt0088846")


@pytest.fixture
def own_database(own_server: Server) -> Iterator[Database]:
    """Yield a catalogue of one movie on a server that a test may stop or damage."""
    database = Database(own_server.url_of(TEMPLATE), IMPATIENT)
    store(database.unit_of_work, ALIEN)
    yield database
    database.close()


@pytest.fixture
def omdb() -> SmallOmdb:
    """Return an OMDb with another movie."""
    return SmallOmdb([BRAZIL])


@contextmanager
def serving(database: Database, omdb: SmallOmdb) -> Iterator[TestClient]:
    """Yield a client of a service with a response cache."""
    options = MiddlewareOptions(cache=CacheOptions(revision=database.revision))
    with new_client(database, omdb, options) as client:
        yield client


def add(client: TestClient) -> tuple[int, str]:
    """Try to add a movie, and return status and error code of the response."""
    response = client.post("/movies", json={"imdb_id": BRAZIL.imdb_id})
    return response.status_code, response.json().get("code", "")


def wait_until(condition: Callable[[], bool]) -> None:
    """Wait up to 30 seconds until the condition is true."""
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_service_waits_for_its_database(own_server: Server, tmp_path: Path) -> None:
    own_server.stop()
    with running(tmp_path, DATABASE_URL=own_server.url_of(TEMPLATE)) as service:
        url = service.url()
        ready = requests.get(f"{url}/health/ready", timeout=20)
        assert (ready.status_code, ready.json()["code"]) == (503, "database-unavailable")
        assert "can't be reached" in ready.json()["detail"]
        assert requests.get(f"{url}/health/live", timeout=5).ok
        page = requests.get(f"{url}/movies", timeout=20)
        assert (page.status_code, page.headers["Retry-After"]) == (503, "1")
        own_server.start()
        service.read_until("Ready. Try:")
        wait_until(lambda: requests.get(f"{url}/health/ready", timeout=5).ok)
        assert requests.get(f"{url}/movies", timeout=5).json()["total"] == 100
        assert service.stop() == 0
    log = service.log.read_text()
    assert "database_unavailable_retrying" in log
    assert "Traceback" not in log


def test_serves_stale_responses_or_503_during_an_outage_and_recovers(
    own_server: Server, own_database: Database, omdb: SmallOmdb
) -> None:
    with serving(own_database, omdb) as client:
        before = client.get("/movies")
        own_server.stop()
        wait_until(own_database.revision.is_unavailable)
        stale = client.get("/movies")
        assert (stale.status_code, stale.content) == (200, before.content)
        unknown = client.get("/movies/1")
        assert (unknown.status_code, unknown.headers["Retry-After"]) == (503, "1")
        assert add(client) == (503, "database-unavailable")
        time.sleep(1.0)  # Longer than the cached revision counts as current.
        stale = client.get("/movies")
        assert stale.content == before.content
        assert "detail=database-unavailable" in stale.headers["cache-status"]
        own_server.start()
        assert client.get("/movies/1").status_code == 200
        wait_until(lambda: not own_database.revision.is_unavailable())
        assert add(client) == (201, "")
        assert client.get("/movies").json()["total"] == 2


def test_reads_survive_connections_that_the_server_closed(
    own_server: Server, own_database: Database, omdb: SmallOmdb
) -> None:
    with new_client(own_database, omdb) as client, ThreadPoolExecutor(8) as threads:
        for _ in range(2):
            responses = list(threads.map(lambda _: client.get("/movies/1").status_code, range(40)))
            assert responses == [200] * 40
            own_server.stop()
            own_server.start()


def test_an_interrupted_transaction_is_not_stored(
    own_server: Server, own_database: Database
) -> None:
    with pytest.raises(DatabaseUnavailable), own_database.unit_of_work() as uow:
        uow.movies.add(BRAZIL)
        own_server.stop()
        own_server.start()
        uow.commit()
    with own_database.unit_of_work(is_read_only=True) as uow:
        assert uow.movies.find_by_imdb_id("tt0088846") is None
    with own_database.unit_of_work() as uow:
        uow.movies.add(BRAZIL)
        uow.commit()


@contextmanager
def all_movies_locked(server: Server) -> Iterator[None]:
    """Lock the table of movies during the context, so that every query of it waits."""
    if server.kind == "postgresql":
        with psycopg.connect(server.url_of(TEMPLATE)) as other:
            other.execute("LOCK TABLE movies IN ACCESS EXCLUSIVE MODE")
            yield
        return
    with closing(
        pymysql.connect(host="127.0.0.1", port=server.port, user="root", database=TEMPLATE)
    ) as connection:
        connection.cursor().execute("LOCK TABLES movies WRITE")
        yield


def test_slow_queries_time_out_and_do_not_block_later_requests(
    own_server: Server, own_database: Database, omdb: SmallOmdb
) -> None:
    with new_client(own_database, omdb) as client, ThreadPoolExecutor(40) as threads:
        with all_movies_locked(own_server):
            blocked = list(threads.map(lambda _: client.get("/movies/1"), range(40)))
            assert client.get("/health/ready").status_code == 200
        assert {response.status_code for response in blocked} == {503}
        assert {response.headers["Retry-After"] for response in blocked} == {"1"}
        responses = list(threads.map(lambda _: client.get("/movies/1").status_code, range(40)))
        assert responses == [200] * 40


def test_a_frozen_server_does_not_block_requests(
    own_server: Server, own_database: Database, omdb: SmallOmdb
) -> None:
    with serving(own_database, omdb) as client:
        before = client.get("/movies")
        with own_server.frozen():
            assert client.get("/movies/1").status_code == 503
            wait_until(own_database.revision.is_unavailable)
            stale = client.get("/movies")
            assert stale.content == before.content
            assert "detail=database-unavailable" in stale.headers["cache-status"]
        wait_until(lambda: not own_database.revision.is_unavailable())
        assert client.get("/movies/1").status_code == 200


FAIL_ON_POSTGRESQL = """
CREATE SEQUENCE tries;
CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    IF nextval('tries') <= {times} THEN RAISE EXCEPTION USING ERRCODE = '{code}'; END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER fails BEFORE INSERT ON movies FOR EACH ROW EXECUTE FUNCTION fail();
"""
FAIL_ON_MARIADB = """
CREATE TRIGGER fails BEFORE INSERT ON movies FOR EACH ROW
    IF nextval(tries) <= {times} THEN SIGNAL SQLSTATE 'HY000' SET MYSQL_ERRNO = {code}; END IF
"""

CODES = {
    "serialization failure": ("40001", 1020),
    "deadlock": ("40P01", 1213),
    "lock timeout": ("55P03", 1205),
    "disk full": ("53100", 1021),
}
"""Error codes of PostgreSQL and MariaDB by fault."""


def make_inserts_fail(server: Server, times: int, error: str) -> None:
    """Make the next inserts of movies fail with a server error."""
    on_postgresql, on_mariadb = CODES[error]
    if server.kind == "postgresql":
        with psycopg.connect(server.url_of(TEMPLATE), autocommit=True) as connection:
            connection.execute(FAIL_ON_POSTGRESQL.format(times=times, code=on_postgresql).encode())
        return
    trigger = FAIL_ON_MARIADB.format(times=times, code=on_mariadb)
    server.execute([f"USE {TEMPLATE}", "CREATE SEQUENCE tries", trigger])


@pytest.mark.parametrize("error", ["serialization failure", "deadlock", "lock timeout"])
def test_transient_errors_are_retried(
    own_server: Server, own_database: Database, omdb: SmallOmdb, error: str
) -> None:
    make_inserts_fail(own_server, 2, error)
    with new_client(own_database, omdb) as client:
        assert add(client) == (201, "")
        assert client.get("/movies").json()["total"] == 2
    assert omdb.calls == 1


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [("deadlock", 503, "database-unavailable"), ("disk full", 507, "database-full")],
)
def test_persistent_errors_are_returned_and_reads_continue(
    own_server: Server,
    own_database: Database,
    omdb: SmallOmdb,
    error: str,
    status: int,
    code: str,
) -> None:
    make_inserts_fail(own_server, 1000, error)
    with new_client(own_database, omdb) as client:
        assert add(client) == (status, code)
        assert client.get("/movies").json()["total"] == 1


def test_a_deleted_sqlite_file_takes_no_writes_and_is_not_ready(
    database: Database, omdb: SmallOmdb
) -> None:
    store(database.unit_of_work, ALIEN)
    with new_client(database, omdb) as client:
        Path(str(database.engines.writing.url.database)).unlink()
        assert add(client) == (503, "database-unavailable")
        ready = client.get("/health/ready")
        assert ready.status_code == 503
        assert "deleted or replaced" in ready.json()["detail"]
        assert client.get("/health/live").status_code == 200


def test_a_value_beyond_the_limit_of_the_database_is_a_413(
    database: Database, omdb: SmallOmdb
) -> None:
    limit_values(database, 10_000)
    omdb.movies = [dataclasses.replace(BRAZIL, plot="x" * 10_000)]
    with new_client(database, omdb) as client:
        response = client.post("/movies", json={"imdb_id": BRAZIL.imdb_id})
    assert (response.status_code, response.json()["code"]) == (413, "database-limit-exceeded")
    assert "retry-after" not in response.headers


def test_reads_are_routed_while_another_process_holds_the_write_lock(
    database: Database, omdb: SmallOmdb, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(readiness, "WRITE_MAX_SECONDS", 0.01)
    path = str(database.engines.writing.url.database)
    with (
        new_client(database, omdb) as client,
        closing(sqlite3.connect(path, isolation_level=None)) as other,
    ):
        other.execute("BEGIN IMMEDIATE")  # A writer that is frozen in its transaction.
        assert client.get("/health/ready").json() == {"status": "ready", "writes": "waiting"}
        assert client.get("/movies").status_code == 200
        other.execute("ROLLBACK")
        monkeypatch.setattr(readiness, "WRITE_MAX_SECONDS", 60)
        assert client.get("/health/ready").json() == {"status": "ready", "writes": "accepted"}


def test_a_busy_sqlite_file_is_retried(migrated_file: Path, tmp_path: Path) -> None:
    path = tmp_path / "busy.db"
    path.write_bytes(migrated_file.read_bytes())
    database = Database(f"sqlite:///{path}", DatabaseOptions(lock_timeout_seconds=0))
    keys = ApiKeys(database.unit_of_work)
    with closing(sqlite3.connect(path, isolation_level=None, check_same_thread=False)) as other:
        other.execute("BEGIN IMMEDIATE")
        threading.Timer(0.05, lambda: other.execute("ROLLBACK")).start()
        assert keys.create("robot", {Scope.ADMIN})
    database.close()
