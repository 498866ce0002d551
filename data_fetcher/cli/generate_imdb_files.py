"""The command `python -m data_fetcher.cli.generate_imdb_files`: make up files of the shape of IMDb's."""

import time
from pathlib import Path
from typing import Annotated

import typer

from common.cli.commands import new_command_line, reported_errors
from common.cli.progress import progress_bar
from data_fetcher.sample_data.imdb_files import Amounts, generate
from data_fetcher.sample_data.imdb_ids import AMOUNT_MAX

PRINCIPALS_MAX = 200_000_000

app = new_command_line("Make up files of the shape of IMDb's data sets, for work at scale.")


@app.command()
def imdb_files(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The folder of the files.")],
    titles: Annotated[
        int, typer.Option(min=1, max=AMOUNT_MAX, help="How many titles to make.")
    ] = 10_000,
    names: Annotated[
        int, typer.Option(min=1, max=AMOUNT_MAX, help="How many people to make.")
    ] = 5_000,
    principals: Annotated[
        int,
        typer.Option(min=0, max=PRINCIPALS_MAX, help="How many lines say who did what."),
    ] = 30_000,
    seed: Annotated[int, typer.Option(help="Another seed gives other titles.")] = 1,
) -> None:
    """Write the seven files title.*.tsv.gz and name.basics.tsv.gz into DIR.

    The same options give the same files. Three titles in four are episodes, as at IMDb. A
    million titles take about half a minute.
    """
    started = time.perf_counter()
    with reported_errors(), progress_bar("Writing", "titles and names") as advance:
        generate(folder, Amounts(titles, names, principals), seed, advance)
    print(
        f"{titles:,} titles, {names:,} names and {principals:,} principals written "
        f"in {time.perf_counter() - started:.1f} s."
    )


if __name__ == "__main__":
    app()
