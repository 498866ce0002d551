"""Database facade: transactions, schema, locks, copies and backups."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from sqlalchemy.engine import make_url

from common.errors import DatabaseUnavailable, InvalidInput
from data_layer.catalogue_revision import CatalogueRevision
from data_layer.database_health import DatabaseHealth
from data_layer.database_options import DEFAULT_OPTIONS, DatabaseOptions
from data_layer.ports.bulk_load import BulkLoad
from data_layer.ports.unit_of_work import UnitOfWork
from data_layer.sql import schema
from data_layer.sql.backends.backend import OnProgress
from data_layer.sql.backends.registry import backend_for
from data_layer.sql.catalogue.bulk_load import bulk_load
from data_layer.sql.catalogue_copy import CatalogueChecksums, CatalogueEndpoint, copy_catalogue
from data_layer.sql.unit_of_work import SqlAlchemyUnitOfWork


class Database:
    """One database; the first use opens a connection."""

    def __init__(self, url: str, options: DatabaseOptions = DEFAULT_OPTIONS) -> None:
        self._backend = backend_for(url)
        self.options = options
        self.engines = self._backend.open(make_url(url), options)
        self.endpoint = CatalogueEndpoint(self._backend, self.engines)
        self.health = DatabaseHealth()
        self.revision = CatalogueRevision(self._read_revision)

    def unit_of_work(self, *, is_read_only: bool = False) -> UnitOfWork:
        """Return a new unit of work; see `data_layer.ports.unit_of_work.UnitOfWorkFactory`."""
        engine = self.engines.reading if is_read_only else self.engines.writing
        return SqlAlchemyUnitOfWork(
            engine,
            is_read_only=is_read_only,
            on_commit=self.revision.advance,
            on_error=self.health.record,
        )

    @contextmanager
    def bulk_load(self) -> Iterator[BulkLoad]:
        """Yield a bulk load that commits when the context ends, and rolls back on an error.

        On SQLite all indexes of the catalogue are rebuilt at the end, so that a load pays off
        only if it adds about as many movies as exist, or more. Readers of SQLite wait for the end
        of the load, unless a connection had the file open before; writers wait on every database.
        Memory use grows with the number of distinct people.

        Raises:
            Conflict: A movie exists, or was added twice.
            DatabaseUnavailable: Nothing was stored.
        """
        with bulk_load(self._backend, self.engines) as load:
            yield load
        self.revision.poll()

    def copy_to(self, target: "Database", on_progress: OnProgress) -> CatalogueChecksums:
        """Copy the whole catalogue to another database; see `data_layer.sql.catalogue_copy`.

        An interrupted copy is resumed. A target without a schema is migrated first.

        Raises:
            InvalidInput: The target is not empty, or a database has another schema version.
            DatabaseUnavailable: A database failed, or the checksums differ.
        """
        if not schema.is_unfinished_copy(target.engines):
            target.migrate()
        return copy_catalogue(self.endpoint, target.endpoint, on_progress)

    def require_existing(self) -> None:
        """Raise if the SQLite file is missing, since SQLite would create a new one.

        Raises:
            InvalidInput: The file does not exist.
        """
        if not self._backend.exists(self.engines):
            raise InvalidInput(
                f"The SQLite file {self.engines.writing.url.database} does not exist:"
                " check DATABASE_URL or the given URL."
            )

    def backup(self, path: Path, on_progress: OnProgress) -> None:
        """Write a backup to a new SQLite file while the database is in use.

        Raises:
            InvalidInput: The file exists or cannot be written, or the database is not SQLite.
        """
        if path.exists():
            raise InvalidInput("The backup file already exists: pass a new path.")
        self._backend.backup(self.engines, path, on_progress)

    @property
    def reads_are_short(self) -> bool:
        """Whether a read takes less time than a switch to another thread."""
        return self._backend.reads_are_short

    def migrate(self, revision: str = schema.HEAD) -> None:
        """Upgrade the schema to a migration; see `data_layer.sql.schema.upgrade`."""
        schema.upgrade(self._backend, self.engines, revision)

    def require_readable(self) -> None:
        """Raise unless the schema can be read and is up to date.

        Raises:
            DatabaseUnavailable: The reason, such as an outdated schema or a damaged database.
        """
        self.health.require_undamaged()
        with self._recorded_faults():
            schema.require_current(self.engines)

    def require_writable(self) -> None:
        """Raise unless writes work; wait for other writers up to the lock timeout.

        Raises:
            DatabaseBusy: Another transaction holds the write lock.
            DatabaseUnavailable: The reason, such as a read-only database.
        """
        with self._recorded_faults():
            schema.require_writable(self.engines)

    def is_current(self) -> bool:
        """Return whether the schema is up to date; see `data_layer.sql.schema.is_current`."""
        return schema.is_current(self.engines)

    def try_lock(self, name: str) -> AbstractContextManager[bool]:
        """Try to acquire a lock shared by all processes; see `Backend.try_lock`."""
        return self._backend.try_lock(self.engines, name)

    @contextmanager
    def _recorded_faults(self) -> Iterator[None]:
        try:
            yield
        except DatabaseUnavailable as error:
            self.health.record(error)
            raise

    def _read_revision(self) -> int:
        with self.unit_of_work(is_read_only=True) as uow:
            return uow.movies.revision()

    def close(self) -> None:
        """Close all connections."""
        self.engines.dispose()
