"""MariaDB backend with the driver PyMySQL."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Table, event, text

from common.errors import InvalidInput
from common.text import KEY_MAX_CHARACTERS
from data_layer.database_options import DatabaseOptions
from data_layer.sql.backends.backend import Engines, OnProgress
from data_layer.sql.backends.server_engines import open_server
from data_layer.sql.backends.server_locks import lock_connection
from data_layer.sql.models import MOVIES

_WAIT_SECONDS = 86_400

_SORTED_BYTES = 4 * KEY_MAX_CHARACTERS
"""Number of bytes by which a sort compares texts: a whole key. The default of 1,024 would make
the order of keys with a common beginning, and so the pages, arbitrary."""

_NEXT_ID = text(
    "SELECT auto_increment FROM information_schema.tables"
    " WHERE table_schema = database() AND table_name = :table"
)


class MariaDb:
    """Backend for MariaDB; see `data_layer.sql.backends.backend.Backend`."""

    reads_are_short = False
    snapshot_isolation = "REPEATABLE READ"

    def open(self, url: URL, options: DatabaseOptions) -> Engines:
        """Return engines on PyMySQL, with timeouts for statements, locks and idle transactions."""
        url = url.set(drivername="mariadb+pymysql").update_query_dict({"charset": "utf8mb4"})
        settings = (
            f"SET max_statement_time = {options.statement_timeout_seconds},"
            f" innodb_lock_wait_timeout = {options.lock_timeout_seconds},"
            f" idle_transaction_timeout = {options.lock_timeout_seconds},"
            f" max_sort_length = {_SORTED_BYTES}, sql_mode = 'TRADITIONAL'"
        )
        engines = open_server(url, {"init_command": settings}, options)
        for engine in (engines.reading, engines.writing):
            event.listen(engine, "do_connect", _connect)
        return engines

    def exists(self, engines: Engines) -> bool:
        """Return True: a server never creates a database on connecting."""
        return True

    @contextmanager
    def try_lock(self, engines: Engines, name: str) -> Iterator[bool]:
        """Acquire a named lock (`GET_LOCK`) without waiting."""
        with lock_connection(engines) as connection:
            yield _get_lock(connection, engines, name, 0)

    @contextmanager
    def wait_for_lock(self, engines: Engines, name: str) -> Iterator[None]:
        """Acquire the named lock; wait for at most a day."""
        with lock_connection(engines) as connection:
            connection.execute(text("SET max_statement_time = 0"))
            _get_lock(connection, engines, name, _WAIT_SECONDS)
            yield

    @contextmanager
    def without_timeouts(self, connection: Connection) -> Iterator[None]:
        """Disable the connection's timeouts for statements and idling; restore them at the end."""
        connection.execute(
            text(
                "SET @limit = @@max_statement_time, @idle = @@idle_transaction_timeout,"
                " max_statement_time = 0, idle_transaction_timeout = 0"
            )
        )
        try:
            yield
        finally:
            connection.execute(
                text("SET max_statement_time = @limit, idle_transaction_timeout = @idle")
            )

    def next_id(self, connection: Connection, table: Table) -> int:
        """Return the table's AUTO_INCREMENT value."""
        return int(connection.scalar(_NEXT_ID, {"table": table.name}) or 1)

    def allocate_ids(self, connection: Connection, table: Table, count: int) -> range:
        """Return the next ids. Inserting rows with them advances the counter."""
        next_id = self.next_id(connection, table)
        return range(next_id, next_id + count)

    def set_next_id(self, connection: Connection, table: Table, next_id: int) -> None:
        """Set the table's AUTO_INCREMENT value. MariaDB commits the transaction implicitly."""
        connection.execute(text(f"ALTER TABLE {table.name} AUTO_INCREMENT = {next_id:d}"))

    def backup(self, engines: Engines, path: Path, on_progress: OnProgress) -> None:
        """Reject the backup; MariaDB has its own program for it."""
        raise InvalidInput("Backups of MariaDB are not supported: use mariadb-dump.")

    @contextmanager
    def bulk_load_transaction(self, engines: Engines) -> Iterator[tuple[Connection, int]]:
        """Yield the next id; the server advances AUTO_INCREMENT with the inserted rows."""
        with engines.writing.begin() as connection, self.without_timeouts(connection):
            yield connection, self.next_id(connection, MOVIES)


def _connect(
    _dialect: object, _record: object, arguments: Sequence[Any], options: dict[str, Any]
) -> Any:  # noqa: ANN401 - The driver is only imported to connect.
    from data_layer.sql.backends.mariadb_connection import (  # noqa: PLC0415 - See above.
        MariaDbConnection,
    )

    return MariaDbConnection(*arguments, **options)


def _get_lock(connection: Connection, engines: Engines, name: str, seconds: int) -> bool:
    """Acquire a named lock. Names are server-wide, so that they include the database's name."""
    lock = f"{engines.writing.url.database}.{name}"[-64:]
    return bool(
        connection.scalar(
            text("SELECT GET_LOCK(:lock, :seconds)"), {"lock": lock, "seconds": seconds}
        )
    )
