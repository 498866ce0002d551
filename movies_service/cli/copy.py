"""The commands that move a catalogue: `copy`, `backup`, `export` and `import`."""

import json
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Annotated, BinaryIO

import typer

from common.cli.commands import command_settings
from common.cli.exit_codes import ExitCode
from common.cli.progress import progress_bar
from common.errors import InvalidInput
from common.settings import DATABASE_URL_FORMS, is_database_url
from data_fetcher.movie_json.ndjson import LineReport, export_films, import_films
from data_layer.bootstrap import open_database

STANDARD = Path("-")
"""Stands for standard input or output."""


def _require_url(url: str, option: str) -> str:
    if not is_database_url(url):
        raise InvalidInput(f"{option}: it must be {DATABASE_URL_FORMS}.")
    return url


def copy(
    target_url: Annotated[
        str, typer.Option("--to", metavar="URL", help="An empty database.", show_default=False)
    ],
    source_url: Annotated[
        str | None,
        typer.Option("--from", metavar="URL", help="The catalogue; else that of DATABASE_URL."),
    ] = None,
    *,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the result as one JSON object.")
    ] = False,
) -> None:
    """Copy a whole catalogue into another database, of the same kind or another one.

    Ids, API keys and all else stay what they are. The source may be in use meanwhile: what is
    copied is of one moment. After an interruption the same command goes on. At the end the counts
    and checksums of both are compared; only then can a service start on the target.
    """
    with command_settings() as settings:
        source_url = _require_url(source_url or settings.database_url, "--from")
        if _require_url(target_url, "--to") == source_url:
            raise InvalidInput("--to: it names the same database as --from.")
        started = time.perf_counter()
        with (
            closing(open_database(settings, source_url)) as source,
            closing(open_database(settings, target_url)) as target,
            progress_bar("Copying", "films") as advance,
        ):
            source.require_existing()
            sums = source.copy_to(target, advance)
    seconds, films = time.perf_counter() - started, sums.by_table["movies"][0]
    rows = sum(counts[0] for counts in sums.by_table.values())
    if as_json:
        copied = {"films": films, "rows": rows, "checksum": sums.checksum}
        print(json.dumps({**copied, "seconds": round(seconds, 3)}))
        return
    print(
        f"{films:,} films copied and compared in {seconds:.1f} s: {rows:,} rows, "
        f"checksum {sums.checksum}."
    )


def backup(
    path: Annotated[Path, typer.Argument(help="A new file.", show_default=False)],
) -> None:
    """Write a copy of the SQLite database into a new file, while the service goes on."""
    with (
        command_settings() as settings,
        closing(open_database(settings)) as database,
        progress_bar("Copying", "pages") as advance,
    ):
        database.require_existing()
        database.backup(path, advance)
    print(f"The backup is {path}.", file=sys.stderr)


def export(
    path: Annotated[Path, typer.Argument(help="A new file; `-` for standard output.")] = STANDARD,
) -> None:
    """Write every film as a line of JSON, by id, as the API gives it."""
    with command_settings() as settings, closing(open_database(settings)) as database:
        database.require_existing()
        with progress_bar("Exporting", "films") as advance, _open_new(path) as file:
            films = export_films(database.unit_of_work, file, advance)
    print(f"{films:,} films exported.", file=sys.stderr)


def import_(
    path: Annotated[Path, typer.Argument(help="A file; `-` for standard input.")] = STANDARD,
) -> None:
    """Add films from lines of JSON, as `export` writes them.

    Films that are there already are left as they are. Into an empty catalogue films come with
    their ids. Lines that are no film are named with the reason, and the others are added.
    """
    with command_settings() as settings, closing(open_database(settings)) as database:
        database.migrate()
        with progress_bar("Importing", "lines") as advance, _open_old(path) as file:
            report = import_films(database, file, _print_fault, advance)
    print(_as_text(report), file=sys.stderr)
    if report.faults:
        raise SystemExit(ExitCode.PARTLY if report.added or report.known else ExitCode.USAGE)


def _print_fault(line: int, message: str) -> None:
    print(f"Line {line}: {message}", file=sys.stderr)


def _as_text(report: LineReport) -> str:
    return (
        f"Films added: {report.added:,}; there already: {report.known:,}; "
        f"lines that are no film: {report.faults:,}."
    )


@contextmanager
def _open_new(path: Path) -> Iterator[BinaryIO]:
    if path == STANDARD:
        yield sys.stdout.buffer
        return
    try:
        file = path.open("xb")
    except FileExistsError:
        raise InvalidInput("The file is there already: name a new one.") from None
    except OSError:
        raise InvalidInput("The file can't be written: check its path.") from None
    with file:
        yield file


@contextmanager
def _open_old(path: Path) -> Iterator[BinaryIO]:
    if path == STANDARD:
        yield sys.stdin.buffer
        return
    try:
        file = path.open("rb")
    except OSError:
        raise InvalidInput("The file can't be read: check its path.") from None
    with file:
        yield file
