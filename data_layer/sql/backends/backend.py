"""What a database has to offer beyond what SQLAlchemy makes alike."""

from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from sqlalchemy import URL, Connection, Engine

from data_layer.database_options import DatabaseOptions


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

    def open(self, url: URL, options: DatabaseOptions) -> Engines:
        """Return engines, which connect when they are first used."""
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

    def filling(self, engines: Engines) -> AbstractContextManager[tuple[Connection, int]]:
        """Give a transaction for a large load, and the id of the next film.

        It is committed when the context ends, rolled back when that ends with an error.
        """
        ...
