"""PostgreSQL backend with the driver psycopg 3."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Table, event, func, select, text

from common.errors import InvalidInput
from data_layer.database_options import DatabaseOptions
from data_layer.sql.backends.backend import Engines, OnProgress
from data_layer.sql.backends.server_engines import (
    KEEPALIVE_IDLE_SECONDS,
    KEEPALIVE_INTERVAL_SECONDS,
    KEEPALIVE_PROBES,
    VANISHED_SECONDS,
    open_server,
)
from data_layer.sql.backends.server_locks import lock_connection
from data_layer.sql.models import MOVIES, Movie

_KEEPALIVES = {
    "keepalives_idle": KEEPALIVE_IDLE_SECONDS,
    "keepalives_interval": KEEPALIVE_INTERVAL_SECONDS,
    "keepalives_count": KEEPALIVE_PROBES,
}
"""Options of libpq; the server's settings have the same names with the prefix `tcp_`."""

_USER_TIMEOUT_MILLISECONDS = 1000 * VANISHED_SECONDS


class PostgreSql:
    """Backend for PostgreSQL; see `data_layer.sql.backends.backend.Backend`."""

    reads_are_short = False
    snapshot_isolation = "REPEATABLE READ"

    def open(self, url: URL, options: DatabaseOptions) -> Engines:
        """Return engines on psycopg, with timeouts for statements, locks and idle transactions."""
        settings = {
            "statement_timeout": f"{options.statement_timeout_seconds}s",
            "lock_timeout": f"{options.lock_timeout_seconds}s",
            "idle_in_transaction_session_timeout": f"{options.lock_timeout_seconds}s",
            "tcp_user_timeout": _USER_TIMEOUT_MILLISECONDS,
            **{f"tcp_{name}": value for name, value in _KEEPALIVES.items()},
        }
        connect_args = {
            "options": " ".join(f"-c {name}={value}" for name, value in settings.items()),
            "tcp_user_timeout": _USER_TIMEOUT_MILLISECONDS,
            **_KEEPALIVES,
        }
        engines = open_server(url.set(drivername="postgresql+psycopg"), connect_args, options)
        event.listen(engines.writing, "after_cursor_execute", _start_idle_timer)
        return engines

    def exists(self, engines: Engines) -> bool:
        """Return True: a server never creates a database on connecting."""
        return True

    @contextmanager
    def try_lock(self, engines: Engines, name: str) -> Iterator[bool]:
        """Acquire a session-level advisory lock without waiting."""
        with lock_connection(engines) as connection:
            number = _lock_number(name)
            yield bool(
                connection.scalar(text("SELECT pg_try_advisory_lock(:lock)"), {"lock": number})
            )

    @contextmanager
    def wait_for_lock(self, engines: Engines, name: str) -> Iterator[None]:
        """Acquire the advisory lock; wait without a timeout."""
        with lock_connection(engines) as connection:
            connection.execute(text("SET statement_timeout = 0"))
            connection.execute(text("SET lock_timeout = 0"))
            connection.execute(text("SELECT pg_advisory_lock(:lock)"), {"lock": _lock_number(name)})
            yield

    @contextmanager
    def without_timeouts(self, connection: Connection) -> Iterator[None]:
        """Disable the timeouts for statements, locks and idling until the transaction ends."""
        for name in ("statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout"):
            connection.execute(text(f"SET LOCAL {name} = 0"))
        yield

    def next_id(self, connection: Connection, table: Table) -> int:
        """Return the value after the last one of the table's id sequence."""
        last = f"pg_sequence_last_value({_sequence(table)}::regclass)"
        return int(connection.scalar(text(f"SELECT coalesce({last}, 0) + 1")) or 1)

    def allocate_ids(self, connection: Connection, table: Table, count: int) -> range:
        """Advance the table's id sequence by `count`."""
        name = _sequence(table)
        last_id = connection.scalar(
            text(f"SELECT setval({name}, nextval({name}) + :more)"), {"more": count - 1}
        )
        return range(last_id - count + 1, last_id + 1)

    def set_next_id(self, connection: Connection, table: Table, next_id: int) -> None:
        """Set the table's id sequence."""
        # Mark the id before it as used: pg_sequence_last_value returns NULL for an unused value.
        values = {"last_id": max(1, next_id - 1), "is_given": next_id > 1}
        connection.execute(text(f"SELECT setval({_sequence(table)}, :last_id, :is_given)"), values)

    def backup(self, engines: Engines, path: Path, on_progress: OnProgress) -> None:
        """Reject the backup; PostgreSQL has its own program for it."""
        raise InvalidInput("Backups of PostgreSQL are not supported: use pg_dump.")

    @contextmanager
    def bulk_load_transaction(self, engines: Engines) -> Iterator[tuple[Connection, int]]:
        """Yield the next id; afterwards advance the sequence past the inserted movies."""
        with engines.writing.begin() as connection, self.without_timeouts(connection):
            next_id = self.next_id(connection, MOVIES)
            yield connection, next_id
            last_id = connection.scalar(select(func.max(Movie.id))) or 0
            self.set_next_id(connection, MOVIES, max(next_id, last_id + 1))


def _start_idle_timer(_connection: Connection, cursor: Any, *arguments: object) -> None:  # noqa: ANN401 - The driver's cursor.
    """Execute a statement after `executemany`.

    psycopg sends a flush behind the last row, for which the server stops the timer of
    `idle_in_transaction_session_timeout` until the next statement.
    """
    is_executemany = arguments[-1]
    if is_executemany:
        cursor.connection.execute("SELECT 1")


def _sequence(table: Table) -> str:
    return f"pg_get_serial_sequence('{table.name}', 'id')"


def _lock_number(name: str) -> int:
    """Return a 63-bit number for a lock's name; advisory locks are identified by numbers."""
    return int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest()) >> 1
