"""The database as the rest of the program sees it: transactions, schema, locks."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from sqlalchemy.engine import make_url

from common.errors import InvalidInput
from data_layer.catalogue_revision import CatalogueRevision
from data_layer.database_options import DEFAULT_OPTIONS, DatabaseOptions
from data_layer.ports.bulk_load import BulkLoad
from data_layer.ports.unit_of_work import UnitOfWork
from data_layer.sql import schema
from data_layer.sql.backends.backend import OnProgress
from data_layer.sql.backends.registry import backend_of
from data_layer.sql.catalogue.bulk_load import bulk_load
from data_layer.sql.catalogue_copy import CatalogueSums, Home, copy_catalogue
from data_layer.sql.unit_of_work import SqlAlchemyUnitOfWork


class Database:
    """One database; it is opened when it is first used.

    Args:
        url: as in the setting `DATABASE_URL`.
        options: pools, timeouts and isolation.
    """

    def __init__(self, url: str, options: DatabaseOptions = DEFAULT_OPTIONS) -> None:
        self._backend = backend_of(url)
        self.options = options
        self.engines = self._backend.open(make_url(url), options)
        self.home = Home(self._backend, self.engines)
        self.revision = CatalogueRevision(self._read_revision)

    def unit_of_work(self, *, is_read_only: bool = False) -> UnitOfWork:
        """Open a transaction; see `data_layer.ports.unit_of_work.UnitOfWorkFactory`."""
        engine = self.engines.reading if is_read_only else self.engines.writing
        return SqlAlchemyUnitOfWork(
            engine, is_read_only=is_read_only, on_commit=self.revision.advance
        )

    @contextmanager
    def bulk_load(self) -> Iterator[BulkLoad]:
        """Give a load of many films; what it was given is committed when the context ends.

        If the context ends with an error, nothing is stored. On SQLite the indexes are made at
        the end, for all films that are there: a load pays off where it brings about as many or
        more, and readers have to wait, unless somebody had the file open before. Writers wait
        on every database.

        Memory: the name of each person that the films have.

        Raises:
            Conflict: a film was there, or came twice.
            DatabaseUnavailable: nothing was stored.
        """
        with bulk_load(self._backend, self.engines) as load:
            yield load
        self.revision.look()

    def copy_to(self, target: "Database", on_progress: OnProgress) -> CatalogueSums:
        """Copy everything into another database; see `data_layer.sql.catalogue_copy`.

        Raises:
            InvalidInput: the target holds something else, or one of them has another schema.
        """
        if not schema.is_unfinished_copy(target.engines):
            target.migrate()
        return copy_catalogue(self.home, target.home, on_progress)

    def require_existing(self) -> None:
        """Make sure that the database was not misspelt: SQLite would make a new one.

        Raises:
            InvalidInput: there is no such file.
        """
        if not self._backend.exists(self.engines):
            raise InvalidInput("There is no such SQLite file: check its path.")

    def backup(self, path: Path, on_progress: OnProgress) -> None:
        """Write a copy into a new file, while others use the database.

        Raises:
            InvalidInput: the file is there or can't be written, or this is no SQLite.
        """
        if path.exists():
            raise InvalidInput("The file is there already: name a new one.")
        self._backend.backup(self.engines, path, on_progress)

    @property
    def reads_are_short(self) -> bool:
        """Whether a read takes less time than handing it to a thread."""
        return self._backend.reads_are_short

    def migrate(self, revision: str = schema.HEAD) -> None:
        """Bring the schema up to a revision; see `data_layer.sql.schema.upgrade`."""
        schema.upgrade(self._backend, self.engines, revision)

    def is_current(self) -> bool:
        """Tell whether the schema is the newest; see `data_layer.sql.schema.is_current`."""
        return schema.is_current(self.engines)

    def try_lock(self, name: str) -> AbstractContextManager[bool]:
        """Try to be the one process that does `name`; see `Backend.try_lock`."""
        return self._backend.try_lock(self.engines, name)

    def _read_revision(self) -> int:
        with self.unit_of_work(is_read_only=True) as uow:
            return uow.movies.revision()

    def close(self) -> None:
        """Close every connection."""
        self.engines.dispose()
