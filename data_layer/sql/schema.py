"""The schema: the Alembic history is the only way in which it is made."""

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

    Processes that start together wait for the first one.

    Raises:
        DatabaseUnavailable: the database can't be opened or written.
    """
    with backend.wait_for_lock(engines, "migration"), _writing(engines) as connection:
        command.upgrade(_config(connection), revision)


def downgrade(engines: Engines, revision: str = BASE) -> None:
    """Take the migrations behind `revision` back, and with them what they store."""
    with _writing(engines) as connection:
        command.downgrade(_config(connection), revision)


def is_current(engines: Engines) -> bool:
    """Tell whether the database answers and has the schema that this program needs.

    Raises:
        DatabaseUnavailable: it does not answer.
    """
    with translated_errors(), engines.reading.connect() as connection:
        heads = MigrationContext.configure(connection).get_current_heads()
    return heads == tuple(ScriptDirectory.from_config(Config(_ALEMBIC_INI)).get_heads())


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
