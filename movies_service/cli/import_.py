"""Command `import`: add movies from NDJSON."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from common.cli.commands import STANDARD_STREAM, opened
from common.cli.exit_codes import ExitCode
from common.cli.progress import ProgressBar
from data_fetcher.movie_json.ndjson import LineReport, import_movies
from movies_service.cli.database import migrated_database


def import_(
    path: Annotated[
        Path, typer.Argument(help="File to read; `-` reads standard input.")
    ] = STANDARD_STREAM,
) -> None:
    """Import movies from NDJSON, as written by `export`.

    Existing movies are not changed. An empty catalogue keeps the ids of the file. Lines that are
    invalid or repeat an earlier one are reported with their reasons, and all others are imported.

    Exit codes: 0 all lines were used; 2 no line could be used; 3 some lines were skipped.
    """
    with (
        migrated_database() as database,
        ProgressBar("Importing", "lines") as bar,
        opened(path) as file,
    ):
        report = import_movies(database, file, _print_error, bar.update)
    print(_summary(report), file=sys.stderr)
    if report.errors:
        raise SystemExit(ExitCode.PARTIAL if report.added or report.known else ExitCode.USAGE)


def _print_error(line: int, message: str) -> None:
    print(f"Line {line}: {message}", file=sys.stderr)


def _summary(report: LineReport) -> str:
    return (
        f"Movies added: {report.added:,}; existing: {report.known:,}; "
        f"skipped lines: {report.errors:,}."
    )
