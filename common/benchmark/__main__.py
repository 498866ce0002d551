"""The command `python -m common.benchmark`."""

import dataclasses
import json
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from common.benchmark.seeding import SeedingTimes, measure_seeding
from common.command_line import new_command_line

app = new_command_line("Measure this project; the figures in its documentation come from here.")


@app.callback()
def benchmark() -> None:
    """Measure this project; the figures in its documentation come from here."""


@app.command()
def seeding(
    *,
    latency_ms: Annotated[
        int, typer.Option(min=1, help="Milliseconds that the emulated OMDb takes.")
    ] = 250,
    concurrency: Annotated[
        int, typer.Option(min=1, max=100, help="Requests at once in the parallel runs.")
    ] = 25,
    rounds: Annotated[int, typer.Option(min=1, help="Parallel runs; there is one other.")] = 5,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, an array.")] = False,
) -> None:
    """Seed 100 films in parallel and one by one, against what the latency allows at best."""
    progress = Console(stderr=True)
    measured = []
    for at_once, runs in ((concurrency, rounds), (1, 1)):
        with progress.status(f"Seeding with {at_once} at once, {runs} times"):
            measured.append(measure_seeding(latency_ms, at_once, runs))
    if as_json:
        print(json.dumps([_as_object(times) for times in measured], indent=2))
    else:
        Console().print(_as_table(measured))


def _as_object(times: SeedingTimes) -> dict[str, object]:
    return {
        **dataclasses.asdict(times),
        "limit_seconds": times.limit_seconds,
        "ratio": round(times.ratio, 3),
    }


def _as_table(measured: list[SeedingTimes]) -> Table:
    table = Table("at once", "runs", "fastest", "median", "slowest", "limit", "median / limit")
    for times in measured:
        ordered = sorted(times.seconds)
        table.add_row(
            str(times.concurrency),
            str(len(ordered)),
            *(f"{ordered[place]:.3f} s" for place in (0, len(ordered) // 2, -1)),
            f"{times.limit_seconds:.3f} s",
            f"{times.ratio:.3f}",
        )
    return table


if __name__ == "__main__":
    app()
