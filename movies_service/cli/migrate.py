"""The command `migrate`: bring the schema up to date."""

import sys
from contextlib import closing

from common.command_line import reported_errors
from common.logs import configure_logs
from common.settings import load_settings
from data_layer.bootstrap import open_database


def migrate() -> None:
    """Apply the migrations that the database lacks; `serve` does it too."""
    with reported_errors():
        settings = load_settings()
        configure_logs(settings.log_level, settings.log_format)
        with closing(open_database(settings)) as database:
            database.migrate()
    print("The schema is the newest.", file=sys.stderr)
