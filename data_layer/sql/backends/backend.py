"""What a database has to offer beyond what SQLAlchemy makes alike."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from sqlalchemy import URL, Connection, Engine, Table

from data_layer.database_options import DatabaseOptions

OnProgress = Callable[[int, int], None]
"""Is told how much is done, of how much."""


@dataclass(frozen=True, slots=True)
class Engines:
    """Ways to one database."""

    reading: Engine
    """Each statement for itself; statements may go straight to the driver."""
    writing: Engine
    """Transactions that may write; they wait for one another where they have to."""

    def dispose(self) -> None:
        """Close every connection."""
        self.reading.dispose()
        self.writing.dispose()


class Backend(Protocol):
    """A kind of database."""

    reads_are_short: bool
    """Whether a read is done in less time than handing it to a thread takes."""

    snapshot_isolation: str
    """The isolation level of transactions whose every statement sees the same moment."""

    def open(self, url: URL, options: DatabaseOptions) -> Engines:
        """Return engines, which connect when they are first used."""
        ...

    def exists(self, engines: Engines) -> bool:
        """Tell whether connecting would find a database instead of making one."""
        ...

    def try_lock(self, engines: Engines, name: str) -> AbstractContextManager[bool]:
        """Try to be the one process that does `name`; give whether that was free.

        The lock is held until the context ends, or until the process does, however it dies.

        Raises:
            DatabaseUnavailable: the database can't be reached.
        """
        ...

    def wait_for_lock(self, engines: Engines, name: str) -> AbstractContextManager[None]:
        """Take the lock of `try_lock`, waiting for as long as somebody else holds it."""
        ...

    def unlimited(self, connection: Connection) -> AbstractContextManager[None]:
        """Let statements of the connection's transaction take as long as they need."""
        ...

    def next_id(self, connection: Connection, table: Table) -> int:
        """Return the id that a new row would get at least; ids are never given twice."""
        ...

    def take_ids(self, connection: Connection, table: Table, count: int) -> range:
        """Return ids for so many new rows, which nobody else gets."""
        ...

    def set_next_id(self, connection: Connection, table: Table, next_id: int) -> None:
        """Let new rows have this id and the ones behind it."""
        ...

    def backup(self, engines: Engines, path: Path, on_progress: OnProgress) -> None:
        """Write a copy of the whole database into a new file, while others use it.

        Raises:
            InvalidInput: the database is none that this program backs up.
        """
        ...

    def filling(self, engines: Engines) -> AbstractContextManager[tuple[Connection, int]]:
        """Give a transaction for a large load, and the id of the next film.

        It is committed when the context ends, rolled back when that ends with an error.
        """
        ...
