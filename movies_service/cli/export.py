"""Command `export`: write all movies as NDJSON."""

import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Annotated, BinaryIO

import typer

from common.cli.commands import STANDARD_STREAM, command_settings
from common.cli.progress import ProgressBar
from common.errors import InvalidInput
from common.files import new_file
from data_fetcher.movie_json.ndjson import export_movies
from data_layer.bootstrap import open_database


def export(
    path: Annotated[
        Path, typer.Argument(help="File to create; `-` writes to standard output.")
    ] = STANDARD_STREAM,
) -> None:
    """Export all movies as NDJSON: one movie per line, by id, as the API returns it.

    The file appears when it is complete.
    """
    with command_settings() as settings, closing(open_database(settings)) as database:
        database.require_existing()
        with ProgressBar("Exporting", "movies") as bar, _open_new(path) as file:
            movies = export_movies(database.unit_of_work, file, bar.update)
    print(f"{movies:,} movies exported.", file=sys.stderr)


@contextmanager
def _open_new(path: Path) -> Iterator[BinaryIO]:
    if path == STANDARD_STREAM:
        yield sys.stdout.buffer
        sys.stdout.flush()
        return
    try:
        with new_file(path) as file:
            yield file
    except FileExistsError:
        raise InvalidInput("The file already exists: choose another name.") from None
    except OSError as error:
        raise InvalidInput(
            f"The file cannot be written ({error.strerror}): check its path and the free space."
        ) from None
