"""Database schema, created and changed only by the Alembic migrations."""

import functools
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from sqlalchemy import Connection, inspect, text

from common.errors import DatabaseUnavailable
from data_layer.sql.backends.backend import Backend, Engines
from data_layer.sql.backends.write_serialization import MIGRATES
from data_layer.sql.error_translation import translated_errors

_ROOT = Path(__file__).resolve().parents[2]

UNFINISHED_COPY = "copy-of-"
"""Prefix of the schema version of an unfinished copy; the source's revision follows."""

FIRST_VERSION = "1001"
"""Version of the first published migration; development versions had smaller numbers."""

_CHANGE_NOTHING = text("UPDATE alembic_version SET version_num = version_num WHERE 1 = 0")

HEAD = "head"
BASE = "base"


def upgrade(backend: Backend, engines: Engines, revision: str = HEAD) -> None:
    """Apply the missing migrations up to `revision`, and commit.

    Processes that start at the same time wait for the first one. A schema that is up to date is
    only read, so that another process may hold the write lock meanwhile. A schema of a newer
    version of this program stays unchanged: it still has everything that this version needs.

    Raises:
        DatabaseUnavailable: The database cannot be opened or written, is an unfinished copy, or
            has the schema of a development version.
    """
    with backend.wait_for_lock(engines, "migration"):
        if is_current(engines):
            return
        with _writing(engines) as connection, backend.without_timeouts(connection):
            _require_supported(version_of(connection))
            _run_alembic("upgrade", connection, revision)


def downgrade(engines: Engines, revision: str = BASE) -> None:
    """Revert the migrations after `revision`; the data in their tables and columns is lost."""
    with _writing(engines) as connection:
        _run_alembic("downgrade", connection, revision)


def is_current(engines: Engines) -> bool:
    """Return whether the database has the schema that this program needs.

    A newer schema has it too: see the rules in docs/how-to/use-a-database-server.md.

    Raises:
        DatabaseUnavailable: The database cannot be reached, or is an unfinished copy.
    """
    with translated_errors(), engines.reading.connect() as connection:
        version = version_of(connection)
    return version == own_version() or _is_newer(version)


def require_current(engines: Engines) -> None:
    """Raise unless the schema is up to date.

    Raises:
        DatabaseUnavailable: The reason.
    """
    if not is_current(engines):
        raise DatabaseUnavailable(
            "The database schema is missing or outdated; run `python -m movies_service migrate`."
        )


def require_writable(engines: Engines) -> None:
    """Raise unless the database accepts writes.

    The check tries what every write needs: the writer's lock and a statement that may change a
    table. It changes no row.

    Raises:
        DatabaseUnavailable: The reason.
    """
    with translated_errors(), engines.writing.begin() as connection:
        connection.execute(_CHANGE_NOTHING)


def is_unfinished_copy(engines: Engines) -> bool:
    """Return whether the database is the target of a copy that was not completed."""
    with translated_errors(), engines.reading.connect() as connection:
        return version_of(connection).startswith(UNFINISHED_COPY)


def version_of(connection: Connection) -> str:
    """Return the version of the schema; empty if the database has none."""
    if not inspect(connection).has_table("alembic_version"):
        return ""
    return connection.scalar(text("SELECT version_num FROM alembic_version")) or ""


def set_version(connection: Connection, version: str) -> None:
    """Store the version of the schema, without a migration."""
    connection.execute(text("UPDATE alembic_version SET version_num = :v"), {"v": version})


@functools.cache
def own_version() -> str:
    """Return the schema version that this program needs: the number of the last migration."""
    return max(path.name.split("_")[0] for path in (_ROOT / "migrations/versions").glob("*_*.py"))


def _is_newer(version: str) -> bool:
    """Return whether a newer version of this program has migrated the schema.

    Versions are four-digit numbers, so that they compare as text.
    """
    if version.startswith(UNFINISHED_COPY):
        raise DatabaseUnavailable(
            "The database is an unfinished copy: run `copy` again to complete it."
        )
    return version > own_version()


def _require_supported(version: str) -> None:
    """Reject the schema of a development version, whose tables have other names.

    Raises:
        DatabaseUnavailable: The schema is of a development version; the message describes how to
            transfer the movies.
    """
    if version and version < FIRST_VERSION:
        raise DatabaseUnavailable(
            f"This database was written by a development version (schema {version}), which this "
            "version cannot read. Export it with the version that wrote it "
            "(`python -m movies_service export movies.ndjson`), set DATABASE_URL to a new "
            "database, and run `python -m movies_service import movies.ndjson`."
        )


@contextmanager
def _writing(engines: Engines) -> Iterator[Connection]:
    with (
        translated_errors(),
        engines.writing.execution_options(**{MIGRATES: True}).begin() as connection,
    ):
        yield connection


def _run_alembic(
    name: Literal["upgrade", "downgrade"], connection: Connection, revision: str
) -> None:
    from alembic import command, config  # noqa: PLC0415 - Takes 0.1 s and 9 MB: only to migrate.

    settings = config.Config(_ROOT / "alembic.ini")
    settings.attributes["connection"] = connection
    getattr(command, name)(settings, revision)
