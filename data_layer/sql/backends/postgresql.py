"""PostgreSQL backend with the driver psycopg 3."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import URL, Connection, Table, func, select, text

from common.errors import InvalidInput
from data_layer.database_options import DatabaseOptions
from data_layer.sql.backends.backend import Engines, OnProgress
from data_layer.sql.backends.server_engines import open_server
from data_layer.sql.backends.server_locks import lock_connection
from data_layer.sql.models import MOVIES, Movie


class PostgreSql:
    """Backend for PostgreSQL; see `data_layer.sql.backends.backend.Backend`."""

    reads_are_short = False
    snapshot_isolation = "REPEATABLE READ"

    def open(self, url: URL, options: DatabaseOptions) -> Engines:
        """Return engines on psycopg, with timeouts for statements and locks."""
        settings = (
            f"-c statement_timeout={options.statement_timeout_seconds}s"
            f" -c lock_timeout={options.lock_timeout_seconds}s"
        )
        url = url.set(drivername="postgresql+psycopg")
        return open_server(url, {"options": settings}, options)

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
        """Disable statement and lock timeouts until the transaction ends."""
        connection.execute(text("SET LOCAL statement_timeout = 0"))
        connection.execute(text("SET LOCAL lock_timeout = 0"))
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


def _sequence(table: Table) -> str:
    return f"pg_get_serial_sequence('{table.name}', 'id')"


def _lock_number(name: str) -> int:
    """Return a 63-bit number for a lock's name; advisory locks are identified by numbers."""
    return int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest()) >> 1
