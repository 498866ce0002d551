"""Command `copy`: copy a catalogue into another database."""

import json
import time
from contextlib import closing
from typing import Annotated

import typer

from common.cli.commands import AsJson, command_settings
from common.cli.progress import ProgressBar
from common.errors import InvalidInput
from common.settings import DATABASE_URL_FORMS, is_database_url
from data_layer.bootstrap import open_database


def copy(
    *,
    source_url: Annotated[
        str | None,
        typer.Option("--from", metavar="URL", help="Source; default: DATABASE_URL."),
    ] = None,
    target_url: Annotated[
        str,
        typer.Option("--to", metavar="URL", help="Target: an empty database.", show_default=False),
    ],
    as_json: AsJson = False,
) -> None:
    """Copy the whole catalogue into another database, also of another kind.

    Copies all tables with their ids. The source may be in use: the copy is a snapshot. After an
    interruption, run the same command again to resume. At the end row counts and checksums of
    source and target are compared; the service starts on the target only after that.
    """
    with command_settings() as settings:
        source_url = _require_url(source_url or settings.database_url, "--from")
        if _require_url(target_url, "--to") == source_url:
            raise InvalidInput("--to and --from name the same database: choose another target.")
        started = time.perf_counter()
        with (
            closing(open_database(settings, source_url)) as source,
            closing(open_database(settings, target_url)) as target,
            ProgressBar("Copying", "movies") as bar,
        ):
            source.require_existing()
            checksums = source.copy_to(target, bar.update)
    seconds, movies = time.perf_counter() - started, checksums.by_table["movies"][0]
    rows = sum(counts[0] for counts in checksums.by_table.values())
    if as_json:
        result = {"movies": movies, "rows": rows, "checksum": checksums.checksum}
        print(json.dumps({**result, "seconds": round(seconds, 3)}))
        return
    print(
        f"{movies:,} movies copied and compared in {seconds:.1f} s: {rows:,} rows, "
        f"checksum {checksums.checksum}."
    )


def _require_url(url: str, option: str) -> str:
    if not is_database_url(url):
        raise InvalidInput(f"{option}: it must be {DATABASE_URL_FORMS}.")
    return url
