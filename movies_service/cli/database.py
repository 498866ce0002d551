"""Database of the commands that work on it directly."""

from collections.abc import Iterator
from contextlib import closing, contextmanager

from common.cli.commands import command_settings
from data_layer.bootstrap import open_database
from data_layer.database import Database


@contextmanager
def existing_database() -> Iterator[Database]:
    """Yield the configured database unchanged, and report errors in the context.

    Neither a file nor a table is created: the path may be wrong.
    """
    with command_settings() as settings, closing(open_database(settings)) as database:
        database.require_existing()
        database.require_readable()
        yield database


@contextmanager
def migrated_database() -> Iterator[Database]:
    """Yield the configured database after migrating it, and report errors in the context."""
    with command_settings() as settings, closing(open_database(settings)) as database:
        database.migrate()
        yield database
