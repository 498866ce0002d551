"""The connection to the database, set up so that each one behaves the same."""

import sqlite3
from typing import Any

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
    engine = create_engine(make_url(url), connect_args={"timeout": BUSY_TIMEOUT_SECONDS})
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def for_writing(engine: Engine) -> Engine:
    """Return the same engine, for transactions that write; see `open_engine`."""
    return engine.execution_options(**{_WRITES: True})


def _prepare_sqlite(connection: sqlite3.Connection, _record: Any) -> None:  # noqa: ANN401 - SQLAlchemy's own record type is not public.
    connection.isolation_level = None  # The driver begins no transaction by itself.
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA foreign_keys = ON")


def _begin_sqlite(connection: Connection) -> None:
    kind = "IMMEDIATE" if connection.get_execution_options().get(_WRITES) else "DEFERRED"
    connection.exec_driver_sql(f"BEGIN {kind}")
