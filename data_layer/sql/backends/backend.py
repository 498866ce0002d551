"""Interface of a database backend: the operations that SQLAlchemy does not unify."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from sqlalchemy import URL, Connection, Engine, Table

from data_layer.database_options import DatabaseOptions

OnProgress = Callable[[int, int], None]
"""Callback with the amount done and the total."""


@dataclass(frozen=True, slots=True)
class Engines:
    """SQLAlchemy engines of one database."""

    reading: Engine
    """Engine for reads; statements may bypass SQLAlchemy and go to the driver."""
    writing: Engine
    """Engine for transactions that may write; these are serialized."""

    def dispose(self) -> None:
        """Close all pooled connections."""
        self.reading.dispose()
        self.writing.dispose()


class Backend(Protocol):
    """Backend of one kind of database."""

    reads_are_short: bool
    """Whether a read takes less time than passing it to a thread."""

    snapshot_isolation: str
    """Isolation level of transactions whose statements all read the same snapshot."""

    def open(self, url: URL, options: DatabaseOptions) -> Engines:
        """Return engines; they connect on first use."""
        ...

    def exists(self, engines: Engines) -> bool:
        """Return whether the database exists, so that connecting would not create it."""
        ...

    def try_lock(self, engines: Engines, name: str) -> AbstractContextManager[bool]:
        """Try to acquire an exclusive lock across processes; yield whether it was acquired.

        The lock is released when the context ends, or when the process ends for any reason.

        Raises:
            DatabaseUnavailable: The database cannot be reached.
        """
        ...

    def wait_for_lock(self, engines: Engines, name: str) -> AbstractContextManager[None]:
        """Acquire the lock of `try_lock`; wait as long as another process holds it."""
        ...

    def without_timeouts(self, connection: Connection) -> AbstractContextManager[None]:
        """Disable timeouts within the context, for a transaction that is long or often idle.

        They concern statements and idling, on PostgreSQL also locks.
        """
        ...

    def next_id(self, connection: Connection, table: Table) -> int:
        """Return the lowest id that a new row can get; ids are never reused."""
        ...

    def allocate_ids(self, connection: Connection, table: Table, count: int) -> range:
        """Allocate `count` consecutive ids for new rows of the table."""
        ...

    def set_next_id(self, connection: Connection, table: Table, next_id: int) -> None:
        """Set the id of the next new row."""
        ...

    def backup(self, engines: Engines, path: Path, on_progress: OnProgress) -> None:
        """Write a copy of the whole database to a new file, during concurrent use.

        Raises:
            InvalidInput: The backend does not support backups, or the file cannot be written.
        """
        ...

    def bulk_load_transaction(
        self, engines: Engines
    ) -> AbstractContextManager[tuple[Connection, int]]:
        """Yield a connection in a transaction for a bulk load, and the id of the next movie.

        Commits when the context ends, and rolls back if it ends with an error.
        """
        ...
