"""Command `import-imdb`: import IMDb's non-commercial data sets into the catalogue."""

import json
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path
from typing import Annotated, cast, get_args

import typer

from common.cli.commands import AsJson, command_settings
from common.cli.exit_codes import ExitCode
from common.cli.progress import ProgressBar
from common.errors import InvalidInput
from data_fetcher.imdb.files import find_data_sets
from data_fetcher.imdb.importer import ImdbImport, ImportReport
from data_fetcher.imdb.selection import Selection
from data_layer.bootstrap import open_database
from data_layer.entities.movie import MovieType

_TYPES: frozenset[str] = frozenset(get_args(MovieType))
_BYTES_IN_UNIT = 1_000_000


def import_imdb(
    folder: Annotated[
        Path, typer.Argument(help="Folder with title.basics.tsv.gz and the other files.")
    ],
    types: Annotated[
        str, typer.Option(metavar="A,B", help="Types: movie, series, episode, game. Default: all.")
    ] = "",
    min_votes: Annotated[int, typer.Option(min=0, help="Minimum number of votes.")] = 0,
    since: Annotated[int | None, typer.Option(help="Earliest year.")] = None,
    *,
    includes_adult: Annotated[
        bool, typer.Option("--include-adult", help="Include adult titles.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Import IMDb's titles as movies, with people and ratings; no API key or quota is needed.

    Existing movies keep fields that IMDb's files lack, such as plots. After an interruption the
    same command resumes. The import is fastest while no service uses the database. The data is for
    personal and non-commercial use: https://developer.imdb.com/non-commercial-datasets/.
    """
    started = time.perf_counter()
    with command_settings() as settings:
        selection = Selection(
            types=_types(types),
            min_votes=min_votes,
            since=since,
            includes_adult=includes_adult,
        )
        files = find_data_sets(folder)
        for note in files.absences:
            print(note, file=sys.stderr)
        with (
            closing(open_database(settings)) as database,
            tempfile.TemporaryDirectory(prefix="movies-import-") as staging,
            ProgressBar("Preparing", "MB") as preparing,
            ProgressBar("Importing", "MB of titles") as importing,
        ):
            database.migrate()
            report = ImdbImport(
                database,
                files,
                selection,
                Path(staging),
                lambda done, total: preparing.update(*_in_units(done, total)),
                lambda done, total: importing.update(*_in_units(done, total)),
            ).run()
    _print_report(report, time.perf_counter() - started, as_json=as_json)
    if report.errors.count:
        raise SystemExit(ExitCode.PARTIAL)


def _types(text: str) -> frozenset[MovieType]:
    """Parse a comma-separated list of types; empty means all of them."""
    types = frozenset(part.strip() for part in text.split(",") if part.strip()) or _TYPES
    if not types <= _TYPES:
        raise InvalidInput("--types contains an unknown type: use movie, series, episode, game.")
    return cast("frozenset[MovieType]", types)


def _in_units(done: int, total: int | None) -> tuple[int, int | None]:
    return done // _BYTES_IN_UNIT, None if total is None else max(1, total // _BYTES_IN_UNIT)


def _print_report(report: ImportReport, seconds: float, *, as_json: bool) -> None:
    for error in report.errors.kept:
        print(error, file=sys.stderr)
    if as_json:
        counts = {name: getattr(report, name) for name in ("added", "changed", "unchanged")}
        extra = {"lines_left_out": report.errors.count, "seconds": round(seconds, 3)}
        print(json.dumps({**counts, **extra}))
        return
    print(
        f"{report.movies:,} movies in {seconds:.1f} s: {report.added:,} added, "
        f"{report.changed:,} changed, {report.unchanged:,} unchanged; "
        f"lines left out: {report.errors.count:,}."
    )
