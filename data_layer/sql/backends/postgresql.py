"""PostgreSQL, through psycopg 3."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import URL, Connection, func, select, text

from data_layer.database_options import DatabaseOptions
from data_layer.sql.backends.backend import Engines
from data_layer.sql.backends.server_engines import open_server
from data_layer.sql.backends.server_locks import lock_connection
from data_layer.sql.models import Movie

_SEQUENCE = f"pg_get_serial_sequence('{Movie.__tablename__}', 'id')"


class PostgreSql:
    """See `data_layer.sql.backends.backend.Backend`."""

    reads_are_short = False

    def open(self, url: URL, options: DatabaseOptions) -> Engines:
        """Connect through psycopg; a statement that takes too long is given up."""
        settings = (
            f"-c statement_timeout={options.statement_timeout_seconds}s"
            f" -c lock_timeout={options.lock_timeout_seconds}s"
        )
        url = url.set(drivername="postgresql+psycopg")
        return open_server(url, {"options": settings}, options)

    @contextmanager
    def try_lock(self, engines: Engines, name: str) -> Iterator[bool]:
        """Take an advisory lock of a session."""
        with lock_connection(engines) as connection:
            number = _lock_number(name)
            yield bool(
                connection.scalar(text("SELECT pg_try_advisory_lock(:lock)"), {"lock": number})
            )

    @contextmanager
    def wait_for_lock(self, engines: Engines, name: str) -> Iterator[None]:
        """Wait for the advisory lock."""
        with lock_connection(engines) as connection:
            connection.execute(text("SET statement_timeout = 0"))
            connection.execute(text("SET lock_timeout = 0"))
            connection.execute(text("SELECT pg_advisory_lock(:lock)"), {"lock": _lock_number(name)})
            yield

    @contextmanager
    def filling(self, engines: Engines) -> Iterator[tuple[Connection, int]]:
        """Let the sequence go on behind the films that were added, and never back."""
        with engines.writing.begin() as connection:
            connection.execute(text("SET LOCAL statement_timeout = 0"))
            next_id: int = connection.scalar(text(f"SELECT nextval({_SEQUENCE})")) or 1
            yield connection, next_id
            last_id = func.greatest(func.max(Movie.id), next_id)
            connection.execute(select(func.setval(text(_SEQUENCE), last_id)))


def _lock_number(name: str) -> int:
    """Return a number of 63 bits for a lock; advisory locks know no names."""
    return int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest()) >> 1
