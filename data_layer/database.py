"""The database as the rest of the program sees it: transactions, schema, locks."""

import threading
from contextlib import AbstractContextManager

from data_layer.ports.unit_of_work import UnitOfWork
from data_layer.sql import schema
from data_layer.sql.engine import for_writing, open_engine
from data_layer.sql.locks import try_lock
from data_layer.sql.unit_of_work import SqlAlchemyUnitOfWork


class Database:
    """One database; it is opened when it is first used.

    Args:
        url: as in the setting `DATABASE_URL`.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self.engine = open_engine(url)
        self._writing_engine = for_writing(self.engine)
        self._revision = 0
        self._revision_lock = threading.Lock()

    def unit_of_work(self, *, is_read_only: bool = False) -> UnitOfWork:
        """Open a transaction; see `data_layer.ports.unit_of_work.UnitOfWorkFactory`."""
        engine = self.engine if is_read_only else self._writing_engine
        return SqlAlchemyUnitOfWork(
            engine, is_read_only=is_read_only, on_commit=self._advance_revision
        )

    def revision(self) -> int:
        """Return how many commits this process has made: two equal ones saw the same films."""
        return self._revision

    def migrate(self, revision: str = schema.HEAD) -> None:
        """Bring the schema up to a revision; see `data_layer.sql.schema.upgrade`."""
        schema.upgrade(self.engine, revision)

    def is_current(self) -> bool:
        """Tell whether the schema is the newest; see `data_layer.sql.schema.is_current`."""
        return schema.is_current(self.engine)

    def try_lock(self, name: str) -> AbstractContextManager[bool]:
        """Try to be the one process that does `name`; see `data_layer.sql.locks.try_lock`."""
        return try_lock(self._url, name)

    def _advance_revision(self) -> None:
        with self._revision_lock:
            self._revision += 1

    def close(self) -> None:
        """Close every connection."""
        self.engine.dispose()
