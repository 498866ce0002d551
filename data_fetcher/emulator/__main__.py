"""Command `python -m data_fetcher.emulator`."""

import asyncio
import signal
from pathlib import Path
from typing import Annotated

import typer

from common.cli.commands import new_command_line, reported_errors
from common.cli.start import command_process
from common.errors import InvalidInput
from data_fetcher.emulator.faults import FAULTS
from data_fetcher.emulator.movies import MOVIES_FILE, load_movies, with_generated
from data_fetcher.emulator.server import Emulator, EmulatorOptions

app = new_command_line("Run an OMDb emulator for development and tests.")


@app.command()
def emulate(  # noqa: PLR0913 - One argument for each documented option.
    *,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port; 0 selects a free one.")] = 8081,
    latency_ms: Annotated[int, typer.Option(min=0, help="Milliseconds before a response.")] = 0,
    fault: Annotated[
        str | None, typer.Option(help=f"Fault to inject: {', '.join(FAULTS)}.")
    ] = None,
    error_rate: Annotated[
        float | None,
        typer.Option(min=0, max=1, help="Fraction of the requests that fail."),
    ] = None,
    fault_first: Annotated[
        int | None, typer.Option(min=0, help="Inject the fault only into the first N requests.")
    ] = None,
    fault_for: Annotated[
        list[str] | None, typer.Option(help="Inject the fault only for this IMDb id or title.")
    ] = None,
    quota: Annotated[
        int | None,
        typer.Option(min=0, help="Number of responses until the daily limit is reached."),
    ] = None,
    key: Annotated[str | None, typer.Option(help="Only accepted API key; default: any.")] = None,
    seed: Annotated[int, typer.Option(help="Seed of the random numbers for --error-rate.")] = 0,
    movies: Annotated[Path, typer.Option(help="JSON file with the movies.")] = MOVIES_FILE,
    generate: Annotated[
        int,
        typer.Option(min=0, max=1_000_000, help="Additional generated movies, from tt8000001 on."),
    ] = 0,
) -> None:
    """Serve OMDb's protocol until a signal stops it, with the requested faults."""
    with reported_errors():
        if fault is not None and fault not in FAULTS:
            raise InvalidInput(f"There is no such fault; choose one of: {', '.join(FAULTS)}.")
        options = EmulatorOptions(
            latency_ms=latency_ms,
            key=key,
            quota=quota,
            fault=fault,
            error_rate=error_rate,
            fault_first=fault_first,
            fault_for=frozenset(name.lower() for name in fault_for or ()),
            seed=seed,
        )
        catalogue = with_generated(load_movies(movies), generate)
        asyncio.run(_serve(Emulator(catalogue, options), len(catalogue), host, port))


async def _serve(emulator: Emulator, count: int, host: str, port: int) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with emulator.running(host, port) as url:
        print(f"OMDb emulator with {count} movies on {url}", flush=True)
        print(f"Try: curl '{url}?apikey=any&t=Alien'", flush=True)
        await stop.wait()


if __name__ == "__main__":
    with command_process():
        app()
