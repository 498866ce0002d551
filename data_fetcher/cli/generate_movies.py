"""The command `python -m data_fetcher.cli.generate_movies`: fill a catalogue with films made up."""

import json
import time
from contextlib import closing
from dataclasses import asdict, dataclass
from typing import Annotated

import typer

from common.cli.commands import new_command_line, reported_errors
from common.cli.progress import progress_bar
from common.settings import load_settings
from data_fetcher.sample_data.movies import FilmMaker
from data_layer.bootstrap import open_database
from data_layer.database import Database

FILMS_AT_ONCE = 500
"""More, or many fewer, make it slower."""

app = new_command_line("Fill the catalogue with films made up, for work at scale.")


@dataclass(frozen=True, slots=True)
class SynthesisReport:
    """What was stored, and how long making it up and storing it took, in seconds."""

    films: int
    making_seconds: float
    storing_seconds: float


@app.command()
def synthesise(
    films: Annotated[int, typer.Option(min=1, max=10_000_000, help="How many films to add.")],
    seed: Annotated[int, typer.Option(help="Another seed gives other films.")] = 1,
    *,
    is_bare: Annotated[
        bool, typer.Option("--no-links", help="Films without people, genres and ratings.")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the result as one JSON object.")
    ] = False,
) -> None:
    """Add films that nobody has made to the catalogue of DATABASE_URL, all of them or none.

    They are told by their IMDb ids, which begin with tt9 and have nine digits more. A million
    need about 3 GB. Filling is quickest while no service is running on the database.
    """
    with reported_errors(), closing(open_database(load_settings())) as database:
        database.migrate()
        report = fill(database, films, seed, is_linked=not is_bare)
    if as_json:
        print(json.dumps(asdict(report)))
        return
    print(
        f"{report.films:,} films stored in {report.storing_seconds:.1f} s, "
        f"{report.films / report.storing_seconds:,.0f} a second. "
        f"Making them up took another {report.making_seconds:.1f} s."
    )


def fill(database: Database, films: int, seed: int, *, is_linked: bool) -> SynthesisReport:
    """Store so many films; show the progress on standard error."""
    started, making_seconds = time.perf_counter(), 0.0
    with progress_bar("Storing", "films") as advance, database.bulk_load() as load:
        maker = FilmMaker(seed, load.next_id, films)
        make = maker.make if is_linked else maker.make_bare
        for stored in range(0, films, FILMS_AT_ONCE):
            making = time.perf_counter()
            batch = [make() for _ in range(min(FILMS_AT_ONCE, films - stored))]
            making_seconds += time.perf_counter() - making
            load.add_many(batch)
            advance(stored + len(batch), films)
    seconds = time.perf_counter() - started
    return SynthesisReport(films, round(making_seconds, 3), round(seconds - making_seconds, 3))


if __name__ == "__main__":
    app()
