"""MariaDB, through PyMySQL."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import URL, Connection, create_engine, text

from data_layer.sql.backends.backend import Engines
from data_layer.sql.backends.json_columns import write_json
from data_layer.sql.backends.one_writer import let_write_one_by_one
from data_layer.sql.backends.server_locks import lock_connection
from data_layer.sql.models import Movie

CONNECT_TIMEOUT_SECONDS = 5
STATEMENT_TIMEOUT_SECONDS = 10
POOL_SIZE = 10
POOL_RECYCLE_SECONDS = 3600
"""The server closes connections that were idle for eight hours."""

_WAIT_SECONDS = 86_400


class MariaDb:
    """See `data_layer.sql.backends.backend.Backend`."""

    reads_are_short = False

    def open(self, url: URL) -> Engines:
        """Connect through PyMySQL; a statement that takes too long is given up."""
        url = url.set(drivername="mariadb+pymysql").update_query_dict({"charset": "utf8mb4"})
        reading, writing = (
            create_engine(
                url,
                isolation_level=isolation_level,
                connect_args={
                    "connect_timeout": CONNECT_TIMEOUT_SECONDS,
                    "init_command": (
                        f"SET max_statement_time = {STATEMENT_TIMEOUT_SECONDS},"
                        " sql_mode = 'TRADITIONAL'"
                    ),
                },
                json_serializer=write_json,
                paramstyle="format",
                pool_pre_ping=True,
                pool_recycle=POOL_RECYCLE_SECONDS,
                pool_size=POOL_SIZE,
            )
            for isolation_level in ("AUTOCOMMIT", "READ COMMITTED")
        )
        let_write_one_by_one(writing)
        return Engines(reading, writing)

    @contextmanager
    def try_lock(self, engines: Engines, name: str) -> Iterator[bool]:
        """Take a lock by its name."""
        with lock_connection(engines) as connection:
            yield _get_lock(connection, engines, name, 0)

    @contextmanager
    def wait_for_lock(self, engines: Engines, name: str) -> Iterator[None]:
        """Wait for the lock."""
        with lock_connection(engines) as connection:
            connection.execute(text("SET max_statement_time = 0"))
            _get_lock(connection, engines, name, _WAIT_SECONDS)
            yield

    @contextmanager
    def set_for_filling(self, engines: Engines) -> Iterator[None]:  # noqa: ARG002 - Nothing to set.
        """Leave the server as it is."""
        yield

    @contextmanager
    def made_ready(self, connection: Connection) -> Iterator[int]:
        """Go on behind the highest id that was ever given; the server counts on by itself."""
        connection.execute(text("SET max_statement_time = 0"))
        yield (
            connection.scalar(
                text(
                    "SELECT auto_increment FROM information_schema.tables"
                    " WHERE table_schema = database() AND table_name = :table"
                ),
                {"table": Movie.__tablename__},
            )
            or 1
        )


def _get_lock(connection: Connection, engines: Engines, name: str, seconds: int) -> bool:
    """Take a lock of the whole server, so that its name has to say which database it is of."""
    lock = f"{engines.writing.url.database}.{name}"[-64:]
    return bool(
        connection.scalar(
            text("SELECT GET_LOCK(:lock, :seconds)"), {"lock": lock, "seconds": seconds}
        )
    )
