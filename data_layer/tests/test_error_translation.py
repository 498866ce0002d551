"""Faults that the database reports, and their translation."""

import itertools
import shutil
import socket
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import NoReturn

import pymysql
import pytest
from sqlalchemy import event, text
from structlog.testing import capture_logs

from common.errors import (
    DatabaseBusy,
    DatabaseDamaged,
    DatabaseFull,
    DatabaseLimitExceeded,
    DatabaseReadOnly,
    DatabaseUnavailable,
    MoviesError,
)
from data_layer.database import Database
from data_layer.database_options import DatabaseOptions
from data_layer.entities.movie import MovieFacts
from data_layer.entities.movie_query import MovieQuery
from data_layer.sql.backends.server_engines import KEEPALIVE_IDLE_SECONDS
from data_layer.sql.error_translation import translate
from data_layer.tests.faults import limit_values
from data_layer.tests.servers import SERVERS, Server

pytestmark = pytest.mark.integration

MOVIE = MovieFacts(title="Alien", imdb_id="tt0078748", plot="In space.")
_numbers = itertools.count()


def add(database: Database, plot: str = "") -> None:
    """Store a movie."""
    with database.unit_of_work() as uow:
        uow.movies.add(MovieFacts(title="Brazil", plot=plot))
        uow.commit()


def count(database: Database) -> int:
    """Return the number of movies on the first page."""
    with database.unit_of_work(is_read_only=True) as uow:
        return len(uow.movies.list(MovieQuery()).movies)


class DriverError(Exception):
    """Error of a driver with a code."""

    def __init__(self, code: int | str) -> None:
        super().__init__(code)
        self.sqlstate = code


class SqliteError(Exception):
    """Error of SQLite with a result code."""

    def __init__(self, code: int) -> None:
        super().__init__()
        self.sqlite_errorcode = code


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (DriverError("53100"), DatabaseFull),
        (DriverError("25006"), DatabaseReadOnly),
        (DriverError("XX001"), DatabaseDamaged),
        (DriverError("54000"), DatabaseLimitExceeded),
        (DriverError(1205), DatabaseBusy),
        (DriverError(1290), DatabaseReadOnly),
        (DriverError(1712), DatabaseDamaged),
        (DriverError(1153), DatabaseLimitExceeded),
        (SqliteError(sqlite3.SQLITE_READONLY_DBMOVED), DatabaseReadOnly),
        (SqliteError(sqlite3.SQLITE_CORRUPT_INDEX), DatabaseDamaged),
        (SqliteError(sqlite3.SQLITE_NOTADB), DatabaseDamaged),
        (SqliteError(sqlite3.SQLITE_TOOBIG), DatabaseLimitExceeded),
    ],
)
def test_errors_are_told_apart_by_their_code(error: Exception, kind: type[MoviesError]) -> None:
    assert type(translate(error)) is kind


@pytest.mark.parametrize(
    ("error", "is_named"),
    [
        (DriverError(1153), True),
        (DriverError("54000"), False),
        (SqliteError(sqlite3.SQLITE_TOOBIG), False),
    ],
)
def test_only_mariadb_users_read_the_name_of_its_limit(error: Exception, *, is_named: bool) -> None:
    assert ("max_allowed_packet" in str(translate(error))) is is_named


def path_of(database: Database) -> Path:
    """Return the path of a SQLite file."""
    return Path(str(database.engines.writing.url.database))


def damage(database: Database) -> None:
    """Overwrite the root pages of the table of movies and of its indexes."""
    database.close()  # The last connection moves all changes into the file.
    with closing(sqlite3.connect(path_of(database))) as connection:
        (size,) = connection.execute("PRAGMA page_size").fetchone()
        roots = "SELECT rootpage FROM sqlite_master WHERE tbl_name = 'movies'"
        pages = [page for (page,) in connection.execute(roots)]
    with path_of(database).open("r+b") as file:
        for page in pages:
            file.seek((page - 1) * size)
            file.write(b"\xff" * size)


def test_a_damaged_file_is_reported_and_not_ready(database: Database) -> None:
    add(database)
    database.require_readable()
    damage(database)
    with capture_logs() as log:
        for _ in range(2):
            with pytest.raises(DatabaseDamaged, match="restore a backup"):
                count(database)
        for _ in range(2):
            with pytest.raises(DatabaseDamaged):
                database.require_readable()
    (line,) = log
    assert (line["code"], line["cause"]) == (
        "database-damaged",
        "database disk image is malformed",
    )


@pytest.mark.parametrize("is_replaced", [False, True])
def test_a_file_that_is_deleted_or_replaced_takes_no_writes(
    database: Database, migrated_file: Path, is_replaced: bool
) -> None:
    add(database)
    path = path_of(database)
    moved = path.with_name("moved.db")
    path.rename(moved)
    if is_replaced:
        shutil.copy(migrated_file, path)
    with capture_logs() as log:
        for _ in range(2):
            with pytest.raises(DatabaseUnavailable, match="deleted or replaced"):
                add(database)
            with pytest.raises(DatabaseUnavailable, match="deleted or replaced"):
                database.require_writable()
    assert [line["event"] for line in log] == ["database_fault"]
    assert count(database) == 1
    database.close()
    with pytest.raises(DatabaseUnavailable, match="deleted or replaced"):
        count(database)
    assert path.exists() is is_replaced
    moved.replace(path)
    database.require_writable()
    assert count(database) == 1


def test_a_deleted_write_ahead_log_takes_no_writes(database: Database) -> None:
    add(database)
    path = path_of(database)
    log = path.with_name(f"{path.name}-wal")
    moved = log.rename(path.with_name("moved"))
    with pytest.raises(DatabaseUnavailable, match="-wal file was deleted"):
        add(database)
    moved.rename(log)
    add(database)
    assert count(database) == 2


def test_a_large_value_is_not_stored_in_sqlite(database: Database) -> None:
    limit_values(database, 10_000)
    with pytest.raises(DatabaseLimitExceeded):
        add(database, plot="x" * 10_000)
    add(database)


@contextmanager
def read_only(database: Database, request: pytest.FixtureRequest) -> Iterator[Database]:
    """Yield a database that rejects writes: another connection to the same one."""
    url = database.engines.writing.url
    name = url.get_backend_name()
    if name == "sqlite":
        other = Database(str(url))

        @event.listens_for(other.engines.reading, "connect")
        def forbid_writes(connection: sqlite3.Connection, _record: object) -> None:
            connection.execute("PRAGMA query_only = ON")

        yield other
    elif name == "postgresql":
        server: Server = request.getfixturevalue("postgresql_server")
        server.execute([f"ALTER DATABASE {url.database} SET default_transaction_read_only = on"])
        other = Database(server.url_of(str(url.database)))
        yield other
    else:
        server, _schema = request.getfixturevalue("mariadb_server")
        user = f"reader_{next(_numbers)}"
        server.execute(
            [
                f"CREATE USER {user}",
                f"GRANT ALL ON {url.database}.* TO {user}",
                "SET GLOBAL read_only = ON",
            ]
        )
        try:
            other = Database(server.url_of(str(url.database)).replace("root", user))
            yield other
        finally:
            server.execute(["SET GLOBAL read_only = OFF"])
    other.close()


def test_a_read_only_database_serves_reads(
    any_database: Database, request: pytest.FixtureRequest
) -> None:
    add(any_database)
    with read_only(any_database, request) as database, capture_logs() as log:
        for _ in range(2):
            with pytest.raises(DatabaseReadOnly, match="reads still work"):
                add(database)
            with pytest.raises(DatabaseReadOnly):
                database.require_writable()
        assert count(database) == 1
    assert [line["code"] for line in log] == ["database-read-only"]


def test_a_long_statement_is_not_sent_to_mariadb(
    mariadb_url: str, mariadb_server: tuple[Server, list[str]]
) -> None:
    server, _schema = mariadb_server
    server.execute(["SET GLOBAL max_allowed_packet = 16384"])
    database = Database(mariadb_url)
    try:
        with capture_logs() as log, pytest.raises(DatabaseLimitExceeded):
            add(database, plot="x" * 20_000)
        add(database)
    finally:
        server.execute(["SET GLOBAL max_allowed_packet = 16777216"])
        database.close()
    assert [line["code"] for line in log] == ["database-limit-exceeded"]


@pytest.fixture(params=SERVERS)
def impatient(request: pytest.FixtureRequest) -> Iterator[Database]:
    """Yield a database on a server that waits for one second."""
    url = request.getfixturevalue(f"{request.param}_url")
    database = Database(url, DatabaseOptions(lock_timeout_seconds=1))
    yield database
    database.close()


def test_an_idle_transaction_ends_and_releases_the_write_lock(impatient: Database) -> None:
    with closing(Database(impatient.engines.writing.url.render_as_string())) as patient:
        with pytest.raises(DatabaseUnavailable), impatient.unit_of_work() as uow:
            uow.movies.add(MOVIE)
            add(patient)  # Waits until the server ends the other transaction.
            uow.commit()
        assert count(patient) == 1


def test_a_long_transaction_may_be_idle(impatient: Database) -> None:
    timeout = {
        "postgresql": "SELECT current_setting('idle_in_transaction_session_timeout')",
        "mariadb": "SELECT @@idle_transaction_timeout",
    }[impatient.engines.writing.dialect.name]
    with impatient.engines.writing.begin() as connection:
        assert str(connection.scalar(text(timeout))) in {"1", "1s"}
        with impatient.endpoint.backend.without_timeouts(connection):
            assert str(connection.scalar(text(timeout))) == "0"
    with impatient.engines.writing.begin() as connection:
        assert str(connection.scalar(text(timeout))) in {"1", "1s"}


def test_connections_notice_a_host_that_vanished(impatient: Database) -> None:
    connection = impatient.engines.reading.raw_connection()
    driver = connection.dbapi_connection
    assert driver is not None
    if isinstance(driver, pymysql.connections.Connection):
        handle = driver._sock.fileno()
    else:
        handle = driver.fileno()
        cursor = driver.cursor()
        cursor.execute("SHOW tcp_keepalives_idle")
        assert cursor.fetchone() == (str(KEEPALIVE_IDLE_SECONDS),)
    with socket.socket(fileno=socket.dup(handle)) as copy:
        idle_seconds = copy.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE)
    assert idle_seconds == KEEPALIVE_IDLE_SECONDS
    connection.close()


def test_other_errors_of_opening_a_file_are_translated(monkeypatch: pytest.MonkeyPatch) -> None:
    def connect(*_arguments: object, **_options: object) -> NoReturn:
        error = sqlite3.OperationalError("disk I/O error")
        error.sqlite_errorcode = sqlite3.SQLITE_IOERR
        raise error

    monkeypatch.setattr(sqlite3, "connect", connect)
    with pytest.raises(DatabaseUnavailable), Database("sqlite:///movies.db").unit_of_work() as uow:
        uow.movies.revision()
