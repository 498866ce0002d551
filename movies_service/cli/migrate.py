"""The command `migrate`: bring the schema up to date."""

import sys
from contextlib import closing

from common.cli.commands import command_settings
from data_layer.bootstrap import open_database


def migrate() -> None:
    """Apply the migrations that the database lacks; `serve` does it too."""
    with command_settings() as settings, closing(open_database(settings)) as database:
        database.migrate()
    print("The schema is the newest.", file=sys.stderr)
