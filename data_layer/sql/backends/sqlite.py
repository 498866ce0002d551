"""SQLite backend: a database file with one writer at a time."""

import fcntl
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import IO, Any, cast

from sqlalchemy import URL, Connection, Table, create_engine, event, func, select, text

from common.errors import DatabaseDamaged, DatabaseUnavailable, InvalidInput
from data_layer.database_options import DatabaseOptions
from data_layer.sql.backends.backend import Engines, OnProgress
from data_layer.sql.backends.json_columns import read_json, write_json
from data_layer.sql.backends.sqlite_file_guard import SqliteFileGuard
from data_layer.sql.models import MOVIES, Base

WRITING_CACHE_KIB, FILLING_CACHE_KIB = 32_768, 16_384
"""Page cache of writing connections and of bulk loads; SQLite's default is 2 MB. Creating indexes
takes several times the size of the cache."""

_PAGES_AT_ONCE = 1_000
"""Pages that a backup copies in one step; other connections can write between the steps."""

_LAST_ID = text("SELECT seq FROM sqlite_sequence WHERE name = :table")

_WRITES = "movies_writes"
"""Execution option of connections that may write, and key in the `info` of prepared ones."""


class Sqlite:
    """Backend for SQLite; see `data_layer.sql.backends.backend.Backend`."""

    reads_are_short = True
    snapshot_isolation = "SERIALIZABLE"

    def open(self, url: URL, options: DatabaseOptions) -> Engines:
        """Return engines in WAL mode, in which readers and the writer do not block each other.

        A writer acquires the write lock at the start, so that it cannot fail later with a busy
        error.

        Source: https://www.sqlite.org/wal.html, https://www.sqlite.org/lang_transaction.html.
        """
        engine = create_engine(
            url,
            connect_args={"timeout": options.lock_timeout_seconds},
            pool_use_lifo=True,  # Reuse connections with a large cache first.
            json_serializer=write_json,
            json_deserializer=read_json,
        )
        SqliteFileGuard(Path(url.database or ""), _WRITES).attach(engine)
        event.listen(engine, "do_connect", partial(_connect, url.database or ""))
        event.listen(engine, "begin", _begin)
        return Engines(engine, engine.execution_options(**{_WRITES: True}))

    def exists(self, engines: Engines) -> bool:
        """Return whether the file exists."""
        return Path(engines.writing.url.database or "").exists()

    @contextmanager
    def try_lock(self, engines: Engines, name: str) -> Iterator[bool]:
        """Lock a file next to the database; the operating system releases the lock."""
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
        """Lock the file; wait without a timeout."""
        with _open_lock_file(engines, name) as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    @contextmanager
    def without_timeouts(self, connection: Connection) -> Iterator[None]:
        """Do nothing: SQLite has no statement timeout."""
        yield

    def next_id(self, connection: Connection, table: Table) -> int:
        """Return the table's next AUTOINCREMENT value, or the highest id plus one without it."""
        last_id = connection.scalar(_LAST_ID, {"table": table.name})
        if last_id is None:
            last_id = connection.scalar(select(func.max(table.columns.id)))
        return (last_id or 0) + 1

    def allocate_ids(self, connection: Connection, table: Table, count: int) -> range:
        """Return the next ids. Inserting rows with them advances the counter."""
        next_id = self.next_id(connection, table)
        return range(next_id, next_id + count)

    def set_next_id(self, connection: Connection, table: Table, next_id: int) -> None:
        """Set the table's AUTOINCREMENT counter, if it has one."""
        if table.dialect_options["sqlite"]["autoincrement"]:
            values = {"table": table.name, "last_id": next_id - 1}
            connection.execute(text("DELETE FROM sqlite_sequence WHERE name = :table"), values)
            connection.execute(
                text("INSERT INTO sqlite_sequence (name, seq) VALUES (:table, :last_id)"), values
            )

    def backup(self, engines: Engines, path: Path, on_progress: OnProgress) -> None:
        """Copy page by page with SQLite's online backup.

        A concurrent transaction is in the copy as a whole or not at all.

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
            raise InvalidInput(
                "The backup can't be written: check its path and the free space."
            ) from None
        finally:
            source.close()
            unfinished.unlink(missing_ok=True)

    @contextmanager
    def bulk_load_transaction(self, engines: Engines) -> Iterator[tuple[Connection, int]]:
        """Yield a transaction without WAL if no other connection has the file open.

        New pages are then written to the disk once instead of twice, with the same safety from
        crashes. Foreign keys are not checked; the load has to insert consistent rows.

        Source: https://www.sqlite.org/pragma.html#pragma_journal_mode.
        """
        engines.writing.dispose()  # Idle connections in the pool keep the file open.
        with engines.writing.connect() as connection:
            try:
                _prepare_bulk_load(
                    cast("sqlite3.Connection", connection.connection.dbapi_connection)
                )
                with connection.begin(), _recreated_indexes(connection):
                    connection.exec_driver_sql(f"PRAGMA cache_size = -{FILLING_CACHE_KIB}")
                    yield connection, self.next_id(connection, MOVIES)
            finally:
                connection.invalidate()  # Its pragmas are unsuitable for other uses.


@contextmanager
def _recreated_indexes(connection: Connection) -> Iterator[None]:
    """Drop the indexes and create them at the end; sorting once is cheaper than row by row."""
    indexes = [index for table in Base.metadata.sorted_tables for index in table.indexes]
    for index in indexes:
        index.drop(connection)
    yield
    for index in indexes:
        index.create(connection)


def _prepare_bulk_load(connection: sqlite3.Connection) -> None:
    (busy_timeout,) = connection.execute("PRAGMA busy_timeout").fetchone()
    connection.execute("PRAGMA busy_timeout = 0")
    with suppress(sqlite3.OperationalError):  # Another connection has the file open.
        connection.execute("PRAGMA journal_mode = DELETE")
    connection.execute(f"PRAGMA busy_timeout = {busy_timeout}")
    connection.execute("PRAGMA foreign_keys = OFF")
    connection.execute("PRAGMA threads = 2")


def _connect(
    path: str,
    _dialect: object,
    _record: object,
    arguments: Sequence[Any],
    options: dict[str, Any],
) -> sqlite3.Connection:
    """Open the file, which is created if it is missing."""
    try:
        connection: sqlite3.Connection = sqlite3.connect(*arguments, **options)
        connection.isolation_level = None  # Disable the driver's implicit transactions.
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA foreign_keys = ON")
    except sqlite3.DatabaseError as error:
        match error.sqlite_errorcode & 0xFF:
            case sqlite3.SQLITE_NOTADB:
                raise DatabaseDamaged(
                    f"{path} is not an SQLite database, or is damaged: check DATABASE_URL or the"
                    " given URL, move the file away to start with an empty catalogue, or restore a"
                    " backup."
                ) from error
            case sqlite3.SQLITE_CANTOPEN:
                raise DatabaseUnavailable(
                    f"{path} cannot be opened: check DATABASE_URL or the given URL, and that it is"
                    " a file in a folder that exists and is writable."
                ) from error
        raise
    return connection


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
            "The database folder is missing or not writable: check DATABASE_URL or the given URL."
        ) from None
