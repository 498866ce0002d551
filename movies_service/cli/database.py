"""Database of the commands that work on it directly."""

from collections.abc import Iterator
from contextlib import closing, contextmanager

from common.cli.commands import command_settings
from data_layer.bootstrap import open_database
from data_layer.database import Database


@contextmanager
def migrated_database() -> Iterator[Database]:
    """Yield the configured database after migrating it, and report errors in the context."""
    with command_settings() as settings, closing(open_database(settings)) as database:
        database.migrate()
        yield database
