"""MariaDB, through PyMySQL."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import URL, Connection, Table, text

from common.errors import InvalidInput
from data_layer.database_options import DatabaseOptions
from data_layer.sql.backends.backend import Engines, OnProgress
from data_layer.sql.backends.server_engines import open_server
from data_layer.sql.backends.server_locks import lock_connection
from data_layer.sql.models import MOVIES

_WAIT_SECONDS = 86_400

_NEXT_ID = text(
    "SELECT auto_increment FROM information_schema.tables"
    " WHERE table_schema = database() AND table_name = :table"
)


class MariaDb:
    """See `data_layer.sql.backends.backend.Backend`."""

    reads_are_short = False
    snapshot_isolation = "REPEATABLE READ"

    def open(self, url: URL, options: DatabaseOptions) -> Engines:
        """Connect through PyMySQL; a statement that takes too long is given up."""
        url = url.set(drivername="mariadb+pymysql").update_query_dict({"charset": "utf8mb4"})
        settings = (
            f"SET max_statement_time = {options.statement_timeout_seconds},"
            f" innodb_lock_wait_timeout = {options.lock_timeout_seconds}, sql_mode = 'TRADITIONAL'"
        )
        return open_server(url, {"init_command": settings}, options)

    def exists(self, engines: Engines) -> bool:
        """Return that servers make no databases by themselves."""
        return True

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
    def unlimited(self, connection: Connection) -> Iterator[None]:
        """Lift the limits, which are of the connection, and set them again."""
        connection.execute(text("SET @limit = @@max_statement_time, max_statement_time = 0"))
        try:
            yield
        finally:
            connection.execute(text("SET max_statement_time = @limit"))

    def next_id(self, connection: Connection, table: Table) -> int:
        """Read the counter of the table."""
        return int(connection.scalar(_NEXT_ID, {"table": table.name}) or 1)

    def take_ids(self, connection: Connection, table: Table, count: int) -> range:
        """Count on; rows that come with their ids set the counter."""
        next_id = self.next_id(connection, table)
        return range(next_id, next_id + count)

    def set_next_id(self, connection: Connection, table: Table, next_id: int) -> None:
        """Set the counter of the table; this commits."""
        connection.execute(text(f"ALTER TABLE {table.name} AUTO_INCREMENT = {next_id:d}"))

    def backup(self, engines: Engines, path: Path, on_progress: OnProgress) -> None:
        """Name the program that does it better."""
        raise InvalidInput("MariaDB brings its own program for backups: use mariadb-dump.")

    @contextmanager
    def filling(self, engines: Engines) -> Iterator[tuple[Connection, int]]:
        """Go on behind the highest id that was ever given; the server counts on by itself."""
        with engines.writing.begin() as connection, self.unlimited(connection):
            yield connection, self.next_id(connection, MOVIES)


def _get_lock(connection: Connection, engines: Engines, name: str, seconds: int) -> bool:
    """Take a lock of the whole server, so that its name has to say which database it is of."""
    lock = f"{engines.writing.url.database}.{name}"[-64:]
    return bool(
        connection.scalar(
            text("SELECT GET_LOCK(:lock, :seconds)"), {"lock": lock, "seconds": seconds}
        )
    )
