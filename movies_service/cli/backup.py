"""Command `backup`: copy the SQLite database into a file."""

import sys
from contextlib import closing
from pathlib import Path
from typing import Annotated

import typer

from common.cli.commands import command_settings
from common.cli.progress import ProgressBar
from data_layer.bootstrap import open_database


def backup(
    path: Annotated[
        Path, typer.Argument(help="File to create; it must not exist.", show_default=False)
    ],
) -> None:
    """Back up the SQLite database into a new file; the service may keep running.

    For PostgreSQL and MariaDB use their own tools, or `copy`.
    """
    with (
        command_settings() as settings,
        closing(open_database(settings)) as database,
        ProgressBar("Copying", "pages") as bar,
    ):
        database.require_existing()
        database.backup(path, bar.update)
    print(f"Backup written to {path}.", file=sys.stderr)
