"""Command `generate-movies`: fill a catalogue with generated movies."""

import json
import time
from contextlib import closing
from dataclasses import asdict, dataclass
from typing import Annotated

import typer

from common.cli.commands import AsJson, reported_errors
from common.cli.progress import ProgressBar
from common.settings import load_settings
from data_fetcher.sample_data.movies import MovieGenerator
from data_layer.bootstrap import open_database
from data_layer.database import Database

BATCH_MOVIES = 500
"""Number of movies per insert; larger or much smaller batches are slower."""


@dataclass(frozen=True, slots=True)
class GenerationReport:
    """Number of stored movies, with the seconds spent generating and storing them."""

    movies: int
    generating_seconds: float
    storing_seconds: float


def generate_movies(
    movies: Annotated[int, typer.Option(min=1, max=10_000_000, help="Number of movies to add.")],
    seed: Annotated[int, typer.Option(help="Seed of the random generator.")] = 1,
    *,
    without_relations: Annotated[
        bool, typer.Option("--without-relations", help="Omit people, genres and ratings.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Add generated movies to the catalogue of DATABASE_URL in one transaction.

    Their IMDb ids are tt9 and nine more digits. A million movies need about 3 GB. Loading is
    fastest while no service uses the database.
    """
    with reported_errors(), closing(open_database(load_settings())) as database:
        database.migrate()
        report = generate(database, movies, seed, has_relations=not without_relations)
    if as_json:
        print(json.dumps(asdict(report)))
        return
    print(
        f"{report.movies:,} movies stored in {report.storing_seconds:.1f} s, "
        f"{report.movies / report.storing_seconds:,.0f} per second. "
        f"Generating them took another {report.generating_seconds:.1f} s."
    )


def generate(
    database: Database, movies: int, seed: int, *, has_relations: bool
) -> GenerationReport:
    """Store generated movies; commit, and show the progress on standard error."""
    started, generating_seconds = time.perf_counter(), 0.0
    with ProgressBar("Storing", "movies") as bar, database.bulk_load() as load:
        generator = MovieGenerator(seed, load.next_id, movies)
        make = generator.make if has_relations else generator.make_bare
        for stored in range(0, movies, BATCH_MOVIES):
            generating = time.perf_counter()
            batch = [make() for _ in range(min(BATCH_MOVIES, movies - stored))]
            generating_seconds += time.perf_counter() - generating
            load.add_many(batch)
            bar.update(stored + len(batch), movies)
    seconds = time.perf_counter() - started
    return GenerationReport(
        movies, round(generating_seconds, 3), round(seconds - generating_seconds, 3)
    )
