"""The schema: the Alembic history is the only way in which it is made."""

import functools
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from data_layer.sql.backends.backend import Backend, Engines
from data_layer.sql.backends.one_writer import MIGRATES
from data_layer.sql.translation import translated_errors

_ALEMBIC_INI = Path(__file__).resolve().parents[2] / "alembic.ini"

HEAD = "head"
BASE = "base"


def upgrade(backend: Backend, engines: Engines, revision: str = HEAD) -> None:
    """Apply the migrations up to `revision`; nothing happens where they are applied.

    Processes that start together wait for the first one. A schema that a newer program has made
    is left as it is: what this program needs is still there.

    Raises:
        DatabaseUnavailable: the database can't be opened or written.
    """
    with backend.wait_for_lock(engines, "migration"), _writing(engines) as connection:
        if not _is_newer(_revision_of(connection)):
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
        revision = _revision_of(connection)
    return revision == _own_revision() or _is_newer(revision)


def _revision_of(connection: Connection) -> str:
    """Return the schema's revision, or nothing where there is no schema."""
    return MigrationContext.configure(connection).get_current_revision() or ""


@functools.cache
def _own_revision() -> str:
    return ScriptDirectory.from_config(Config(_ALEMBIC_INI)).get_current_head() or ""


def _is_newer(revision: str) -> bool:
    """Tell whether a newer program has been here; revisions are numbered, in four digits."""
    return revision > _own_revision()


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
