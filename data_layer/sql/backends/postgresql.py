"""PostgreSQL, through psycopg 3."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import URL, Connection, create_engine, func, select, text

from data_layer.sql.backends.backend import Engines
from data_layer.sql.backends.json_columns import write_json
from data_layer.sql.backends.one_writer import let_write_one_by_one
from data_layer.sql.backends.server_locks import lock_connection, lock_number
from data_layer.sql.models import Movie

CONNECT_TIMEOUT_SECONDS = 5
STATEMENT_TIMEOUT_MS = 10_000
POOL_SIZE = 10

_SEQUENCE = f"pg_get_serial_sequence('{Movie.__tablename__}', 'id')"


class PostgreSql:
    """See `data_layer.sql.backends.backend.Backend`."""

    reads_are_short = False

    def open(self, url: URL) -> Engines:
        """Connect through psycopg; a statement that takes too long is given up."""
        reading, writing = (
            create_engine(
                url.set(drivername="postgresql+psycopg"),
                isolation_level=isolation_level,
                connect_args={
                    "connect_timeout": CONNECT_TIMEOUT_SECONDS,
                    "options": f"-c statement_timeout={STATEMENT_TIMEOUT_MS}",
                },
                json_serializer=write_json,
                paramstyle="format",
                pool_pre_ping=True,
                pool_size=POOL_SIZE,
            )
            for isolation_level in ("AUTOCOMMIT", "READ COMMITTED")
        )
        let_write_one_by_one(writing)
        return Engines(reading, writing)

    @contextmanager
    def try_lock(self, engines: Engines, name: str) -> Iterator[bool]:
        """Take an advisory lock of a session."""
        with lock_connection(engines) as connection:
            number = lock_number("", name)
            yield bool(
                connection.scalar(text("SELECT pg_try_advisory_lock(:lock)"), {"lock": number})
            )

    @contextmanager
    def wait_for_lock(self, engines: Engines, name: str) -> Iterator[None]:
        """Wait for the advisory lock."""
        with lock_connection(engines) as connection:
            connection.execute(text("SET statement_timeout = 0"))
            connection.execute(
                text("SELECT pg_advisory_lock(:lock)"), {"lock": lock_number("", name)}
            )
            yield

    @contextmanager
    def set_for_filling(self, engines: Engines) -> Iterator[None]:  # noqa: ARG002 - Nothing to set.
        """Leave the server as it is."""
        yield

    @contextmanager
    def made_ready(self, connection: Connection) -> Iterator[int]:
        """Let the sequence go on behind the films that were added."""
        connection.execute(text("SET LOCAL statement_timeout = 0"))
        yield connection.scalar(text(f"SELECT nextval({_SEQUENCE})")) or 1
        connection.execute(
            select(func.setval(text(_SEQUENCE), func.greatest(func.max(Movie.id), 1)))
        )
