"""The connection to the database, set up so that each one behaves the same."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import orjson
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import make_url

BUSY_TIMEOUT_SECONDS = 5
"""How long a writer waits for another one before it gives up."""

_WRITES = "movies_writes"
"""Execution option of connections that may write."""


def open_engine(url: str) -> Engine:
    """Return an engine; it connects when it is first used.

    SQLite runs in WAL mode, so that readers and the one writer don't wait for each other;
    a writer takes its lock at the start, so that it never has to give up half-way.

    Source: https://www.sqlite.org/wal.html, https://www.sqlite.org/lang_transaction.html.
    """
    engine = create_engine(
        make_url(url),
        connect_args={"timeout": BUSY_TIMEOUT_SECONDS},
        json_serializer=lambda value: orjson.dumps(value).decode(),
    )
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def for_writing(engine: Engine) -> Engine:
    """Return the same engine, for transactions that write; see `open_engine`."""
    return engine.execution_options(**{_WRITES: True})


@contextmanager
def set_for_filling(engine: Engine) -> Iterator[None]:
    """Set the connection for a large load, and back when the context ends.

    Where nobody else has the database open, what is written goes to its file at once, not first
    to the log, and is as safe from a crash. That linked rows exist is left to the load.

    Source: https://www.sqlite.org/pragma.html#pragma_journal_mode.
    """
    _set_pragmas(engine, "DELETE", "OFF")
    try:
        yield
    finally:
        _set_pragmas(engine, "WAL", "ON")


def _set_pragmas(engine: Engine, journal_mode: str, foreign_keys: str) -> None:
    connection = engine.raw_connection()
    try:
        cursor = connection.cursor()
        cursor.execute("PRAGMA busy_timeout = 0")
        with suppress(sqlite3.OperationalError):  # Somebody has it open: the mode stays.
            cursor.execute(f"PRAGMA journal_mode = {journal_mode}")
        cursor.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_SECONDS * 1000}")
        cursor.execute(f"PRAGMA foreign_keys = {foreign_keys}")
    finally:
        connection.close()


def _prepare_sqlite(connection: sqlite3.Connection, _record: Any) -> None:  # noqa: ANN401 - SQLAlchemy's own record type is not public.
    connection.isolation_level = None  # The driver begins no transaction by itself.
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA foreign_keys = ON")


def _begin_sqlite(connection: Connection) -> None:
    kind = "IMMEDIATE" if connection.get_execution_options().get(_WRITES) else "DEFERRED"
    connection.exec_driver_sql(f"BEGIN {kind}")
