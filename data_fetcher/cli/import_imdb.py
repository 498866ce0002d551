"""The command `import-imdb`: fill the catalogue from IMDb's non-commercial data sets."""

import json
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path
from typing import Annotated, cast, get_args

import typer

from common.cli.commands import command_settings
from common.cli.exit_codes import ExitCode
from common.cli.progress import progress_bar
from common.errors import InvalidInput
from data_fetcher.imdb.files import find_files
from data_fetcher.imdb.importer import ImdbImport, ImportReport
from data_fetcher.imdb.selection import Selection
from data_layer.bootstrap import open_database
from data_layer.entities.movie import MovieType

_TYPES: frozenset[str] = frozenset(get_args(MovieType))
_BYTES_IN_UNIT = 1_000_000


def import_imdb(
    folder: Annotated[Path, typer.Argument(help="With title.basics.tsv.gz and the others.")],
    types: Annotated[
        str, typer.Option(metavar="A,B", help="Of movie, series, episode, game; else all.")
    ] = "",
    min_votes: Annotated[int, typer.Option(min=0, help="Votes that a title needs.")] = 0,
    since: Annotated[int | None, typer.Option(help="The first year.")] = None,
    *,
    includes_adult: Annotated[
        bool, typer.Option("--adult", help="Also titles that are for adults only.")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the result as one JSON object.")
    ] = False,
) -> None:
    """Store IMDb's titles as films, with people and ratings; no key and no quota are needed.

    Films that are there keep what IMDb's files don't know, such as plots. When it was stopped, the
    same command goes on. Filling is quickest while no service is running on the database. The data
    is for personal and non-commercial use: https://developer.imdb.com/non-commercial-datasets/.
    """
    started = time.perf_counter()
    with command_settings() as settings:
        selection = Selection(
            types=_types(types),
            min_votes=min_votes,
            since=since,
            includes_adult=includes_adult,
        )
        files = find_files(folder)
        for absence in files.absences:
            print(absence, file=sys.stderr)
        with (
            closing(open_database(settings)) as database,
            tempfile.TemporaryDirectory(prefix="movies-import-") as staging,
            progress_bar("Preparing", "MB") as prepare,
            progress_bar("Importing", "MB of titles") as advance,
        ):
            database.migrate()
            report = ImdbImport(
                database,
                files,
                selection,
                Path(staging),
                lambda done, total: prepare(*_in_units(done, total)),
                lambda done, total: advance(*_in_units(done, total)),
            ).run()
    _tell(report, time.perf_counter() - started, as_json=as_json)
    if report.faults.count:
        raise SystemExit(ExitCode.PARTLY)


def _types(text: str) -> frozenset[MovieType]:
    wanted = frozenset(part.strip() for part in text.split(",") if part.strip()) or _TYPES
    if not wanted <= _TYPES:
        raise InvalidInput("--types: name some of movie, series, episode and game.")
    return cast("frozenset[MovieType]", wanted)


def _in_units(done: int, total: int | None) -> tuple[int, int | None]:
    return done // _BYTES_IN_UNIT, None if total is None else max(1, total // _BYTES_IN_UNIT)


def _tell(report: ImportReport, seconds: float, *, as_json: bool) -> None:
    for fault in report.faults.kept:
        print(fault, file=sys.stderr)
    if as_json:
        counts = {name: getattr(report, name) for name in ("added", "changed", "unchanged")}
        told = {**counts, "lines_left_out": report.faults.count, "seconds": round(seconds, 3)}
        print(json.dumps(told))
        return
    print(
        f"{report.films:,} films in {seconds:.1f} s: {report.added:,} added, "
        f"{report.changed:,} changed, {report.unchanged:,} unchanged; "
        f"lines left out: {report.faults.count:,}."
    )
