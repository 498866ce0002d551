"""The schema: the Alembic history is the only way in which it is made."""

import functools
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from common.errors import DatabaseUnavailable
from data_layer.sql.backends.backend import Backend, Engines
from data_layer.sql.backends.write_serialization import MIGRATES
from data_layer.sql.error_translation import translated_errors

_ALEMBIC_INI = Path(__file__).resolve().parents[2] / "alembic.ini"

UNFINISHED_COPY = "copy-of-"
"""How the version of a schema begins that is being copied into; behind it is the revision."""

HEAD = "head"
BASE = "base"


def upgrade(backend: Backend, engines: Engines, revision: str = HEAD) -> None:
    """Apply the migrations up to `revision`; nothing happens where they are applied.

    Processes that start together wait for the first one. A schema that a newer program has made
    is left as it is: what this program needs is still there.

    Raises:
        DatabaseUnavailable: the database can't be opened or written.
    """
    with (
        backend.wait_for_lock(engines, "migration"),
        _writing(engines) as connection,
        backend.unlimited(connection),
    ):
        if not _is_newer(version_of(connection)):
            command.upgrade(_config(connection), revision)


def downgrade(engines: Engines, revision: str = BASE) -> None:
    """Take the migrations behind `revision` back, and with them what they store."""
    with _writing(engines) as connection:
        command.downgrade(_config(connection), revision)


def is_current(engines: Engines) -> bool:
    """Tell whether the database answers and has the schema that this program needs.

    A newer one has it, too: see the rule for migrations in docs/databases.md.

    Raises:
        DatabaseUnavailable: it does not answer.
    """
    with translated_errors(), engines.reading.connect() as connection:
        version = version_of(connection)
    return version == own_version() or _is_newer(version)


def is_unfinished_copy(engines: Engines) -> bool:
    """Tell whether somebody has begun to copy a catalogue into the database."""
    with translated_errors(), engines.reading.connect() as connection:
        return version_of(connection).startswith(UNFINISHED_COPY)


def version_of(connection: Connection) -> str:
    """Return the version of the schema that is there, or nothing where there is none."""
    return MigrationContext.configure(connection).get_current_revision() or ""


def set_version(connection: Connection, version: str) -> None:
    """Say which version the schema has."""
    connection.execute(text("UPDATE alembic_version SET version_num = :v"), {"v": version})


@functools.cache
def own_version() -> str:
    """Return the version that this program needs."""
    return ScriptDirectory.from_config(Config(_ALEMBIC_INI)).get_current_head() or ""


def _is_newer(version: str) -> bool:
    """Tell whether a newer program has been here; versions are numbers of four digits.

    Raises:
        DatabaseUnavailable: it is a copy that was not finished.
    """
    if version.startswith(UNFINISHED_COPY):
        raise DatabaseUnavailable(
            "The database is an unfinished copy: run `copy` again, which goes on with it."
        )
    return version > own_version()


@contextmanager
def _writing(engines: Engines) -> Iterator[Connection]:
    with (
        translated_errors(),
        engines.writing.execution_options(**{MIGRATES: True}).begin() as connection,
    ):
        yield connection


def _config(connection: Connection) -> Config:
    config = Config(_ALEMBIC_INI)
    config.attributes["connection"] = connection
    return config
