"""SQLite: a file, with one writer at a time."""

import fcntl
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import IO, Any, cast

from sqlalchemy import URL, Connection, Table, create_engine, event, func, select, text

from common.errors import DatabaseUnavailable, InvalidInput
from data_layer.database_options import DatabaseOptions
from data_layer.sql.backends.backend import Engines, OnProgress
from data_layer.sql.backends.json_columns import read_json, write_json
from data_layer.sql.models import MOVIES, Base

WRITING_CACHE_KIB, FILLING_CACHE_KIB = 32_768, 16_384
"""How much of the database is kept in memory by those who write; else SQLite keeps 2 MB. Indexes
that are made anew take that much several times."""

_PAGES_AT_ONCE = 1_000
"""Of a backup: others can write between them."""

_LAST_ID = text("SELECT seq FROM sqlite_sequence WHERE name = :table")

_WRITES = "movies_writes"
"""Execution option of connections that may write."""


class Sqlite:
    """See `data_layer.sql.backends.backend.Backend`."""

    reads_are_short = True
    snapshot_isolation = "SERIALIZABLE"

    def open(self, url: URL, options: DatabaseOptions) -> Engines:
        """Open the file in WAL mode, so that readers and the one writer don't wait for each other.

        A writer takes its lock at the start, so that it never has to give up half-way.

        Source: https://www.sqlite.org/wal.html, https://www.sqlite.org/lang_transaction.html.
        """
        engine = create_engine(
            url,
            connect_args={"timeout": options.lock_timeout_seconds},
            pool_use_lifo=True,  # The one that writes writes again: few have its large cache.
            json_serializer=write_json,
            json_deserializer=read_json,
        )
        event.listen(engine, "connect", _prepare)
        event.listen(engine, "begin", _begin)
        return Engines(engine, engine.execution_options(**{_WRITES: True}))

    def exists(self, engines: Engines) -> bool:
        """Look for the file."""
        return Path(engines.writing.url.database or "").exists()

    @contextmanager
    def try_lock(self, engines: Engines, name: str) -> Iterator[bool]:
        """Lock a file beside the database's; the system takes the lock back."""
        with _open_lock_file(engines, name) as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                is_held = False
            else:
                is_held = True
            yield is_held

    @contextmanager
    def wait_for_lock(self, engines: Engines, name: str) -> Iterator[None]:
        """Lock the file, whenever that is possible."""
        with _open_lock_file(engines, name) as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    @contextmanager
    def unlimited(self, connection: Connection) -> Iterator[None]:
        """Do nothing: there are no limits."""
        yield

    def next_id(self, connection: Connection, table: Table) -> int:
        """Read the counter of the table, or the highest id where it has none."""
        last_id = connection.scalar(_LAST_ID, {"table": table.name})
        if last_id is None:
            last_id = connection.scalar(select(func.max(table.columns.id)))
        return (last_id or 0) + 1

    def take_ids(self, connection: Connection, table: Table, count: int) -> range:
        """Count on; rows that come with their ids set the counter."""
        next_id = self.next_id(connection, table)
        return range(next_id, next_id + count)

    def set_next_id(self, connection: Connection, table: Table, next_id: int) -> None:
        """Set the counter of the table, if it has one."""
        if table.dialect_options["sqlite"]["autoincrement"]:
            values = {"table": table.name, "last_id": next_id - 1}
            connection.execute(text("DELETE FROM sqlite_sequence WHERE name = :table"), values)
            connection.execute(
                text("INSERT INTO sqlite_sequence (name, seq) VALUES (:table, :last_id)"), values
            )

    def backup(self, engines: Engines, path: Path, on_progress: OnProgress) -> None:
        """Copy page by page; what others write meanwhile is in it or not, but never in part.

        Source: https://www.sqlite.org/backup.html.
        """
        source = engines.reading.raw_connection()
        unfinished = path.with_name(f"{path.name}.unfinished")
        try:
            with closing(sqlite3.connect(unfinished)) as target:
                cast("sqlite3.Connection", source.dbapi_connection).backup(
                    target,
                    pages=_PAGES_AT_ONCE,
                    progress=lambda _status, left, total: on_progress(total - left, total),
                )
            unfinished.replace(path)
        except (OSError, sqlite3.Error):
            raise InvalidInput("The backup can't be written: check its path.") from None
        finally:
            source.close()
            unfinished.unlink(missing_ok=True)

    @contextmanager
    def filling(self, engines: Engines) -> Iterator[tuple[Connection, int]]:
        """Leave the log out where nobody else has the file open; links are the load's own duty.

        New pages then go to the disk once, and are as safe from a crash.

        Source: https://www.sqlite.org/pragma.html#pragma_journal_mode.
        """
        engines.writing.dispose()  # Connections that nobody uses would have the file open.
        with engines.writing.connect() as connection:
            try:
                _prepare_filling(cast("sqlite3.Connection", connection.connection.dbapi_connection))
                with connection.begin(), _indexes_made_anew(connection):
                    connection.exec_driver_sql(f"PRAGMA cache_size = -{FILLING_CACHE_KIB}")
                    yield connection, self.next_id(connection, MOVIES)
            finally:
                connection.invalidate()  # Whoever comes next gets an ordinary one.


@contextmanager
def _indexes_made_anew(connection: Connection) -> Iterator[None]:
    """Leave the indexes out: to sort all rows once costs less than to find each one's place."""
    indexes = [index for table in Base.metadata.sorted_tables for index in table.indexes]
    for index in indexes:
        index.drop(connection)
    yield
    for index in indexes:
        index.create(connection)


def _prepare_filling(connection: sqlite3.Connection) -> None:
    (busy_timeout,) = connection.execute("PRAGMA busy_timeout").fetchone()
    connection.execute("PRAGMA busy_timeout = 0")
    with suppress(sqlite3.OperationalError):  # Somebody has it open: the mode stays.
        connection.execute("PRAGMA journal_mode = DELETE")
    connection.execute(f"PRAGMA busy_timeout = {busy_timeout}")
    connection.execute("PRAGMA foreign_keys = OFF")
    connection.execute("PRAGMA threads = 2")


def _prepare(connection: sqlite3.Connection, _record: Any) -> None:  # noqa: ANN401 - SQLAlchemy's own record type is not public.
    connection.isolation_level = None  # The driver begins no transaction by itself.
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA foreign_keys = ON")


def _begin(connection: Connection) -> None:
    if connection.get_execution_options().get(_WRITES):
        if not connection.info.get(_WRITES):
            connection.exec_driver_sql(f"PRAGMA cache_size = -{WRITING_CACHE_KIB}")
            connection.info[_WRITES] = True
        connection.exec_driver_sql("BEGIN IMMEDIATE")
    else:
        connection.exec_driver_sql("BEGIN DEFERRED")


def _open_lock_file(engines: Engines, name: str) -> IO[str]:
    try:
        return Path(f"{engines.writing.url.database}.{name}.lock").open("w")
    except OSError:
        raise DatabaseUnavailable(
            "The database's folder is missing or can't be written to: check DATABASE_URL, or the"
            " URL that was given."
        ) from None
