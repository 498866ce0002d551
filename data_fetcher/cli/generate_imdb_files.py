"""Command `generate-imdb-files`: write generated files in the format of IMDb's data sets."""

import time
from pathlib import Path
from typing import Annotated

import typer

from common.cli.commands import reported_errors
from common.cli.progress import ProgressBar
from data_fetcher.sample_data.imdb_files import Amounts, generate
from data_fetcher.sample_data.imdb_ids import AMOUNT_MAX

PRINCIPALS_MAX = 200_000_000


def generate_imdb_files(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder for the files.")],
    titles: Annotated[int, typer.Option(min=1, max=AMOUNT_MAX, help="Number of titles.")] = 10_000,
    names: Annotated[int, typer.Option(min=1, max=AMOUNT_MAX, help="Number of people.")] = 5_000,
    principals: Annotated[
        int, typer.Option(min=0, max=PRINCIPALS_MAX, help="Number of credits.")
    ] = 30_000,
    seed: Annotated[int, typer.Option(help="Seed of the random generator.")] = 1,
) -> None:
    """Write the seven files title.*.tsv.gz and name.basics.tsv.gz into DIR.

    The same options produce the same files. Three out of four titles are episodes, as in IMDb's
    files. A million titles take about 30 seconds.
    """
    started = time.perf_counter()
    with reported_errors(), ProgressBar("Writing", "titles and names") as bar:
        generate(folder, Amounts(titles, names, principals), seed, bar.update)
    print(
        f"{titles:,} titles, {names:,} names and {principals:,} principals written "
        f"in {time.perf_counter() - started:.1f} s."
    )
