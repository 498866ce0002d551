"""The command `python -m data_fetcher.emulator`."""

import asyncio
import signal
from pathlib import Path
from typing import Annotated

import typer

from common.cli.commands import new_command_line, reported_errors
from common.errors import InvalidInput
from data_fetcher.emulator.faults import FAULTS
from data_fetcher.emulator.movies import FILMS_FILE, load_films, with_more
from data_fetcher.emulator.server import Emulator, Switches

app = new_command_line("An OMDb of our own, to develop and test against.")


@app.command()
def emulate(  # noqa: PLR0913 - One argument for each documented option.
    *,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port; 0 is a free one.")] = 8081,
    latency_ms: Annotated[int, typer.Option(min=0, help="Milliseconds before each answer.")] = 0,
    fault: Annotated[
        str | None, typer.Option(help=f"What goes wrong: {', '.join(FAULTS)}.")
    ] = None,
    error_rate: Annotated[
        float | None,
        typer.Option(min=0, max=1, help="Part of the requests that the fault befalls."),
    ] = None,
    fault_first: Annotated[
        int | None, typer.Option(min=0, help="Let the fault befall only so many requests.")
    ] = None,
    fault_for: Annotated[
        list[str] | None, typer.Option(help="Let it befall only this IMDb id or title.")
    ] = None,
    quota: Annotated[
        int | None, typer.Option(min=0, help="Answers before the day's requests are spent.")
    ] = None,
    key: Annotated[str | None, typer.Option(help="The one API key to accept; else any.")] = None,
    seed: Annotated[int, typer.Option(help="Of the dice that --error-rate throws.")] = 0,
    films: Annotated[Path, typer.Option(help="File of the films.")] = FILMS_FILE,
    more: Annotated[
        int,
        typer.Option(min=0, max=1_000_000, help="Films made up of these, from tt8000001 on."),
    ] = 0,
) -> None:
    """Answer like OMDb until a signal stops it, with as much trouble as is asked for."""
    with reported_errors():
        if fault is not None and fault not in FAULTS:
            raise InvalidInput(f"There is no such fault; there are: {', '.join(FAULTS)}.")
        switches = Switches(
            latency_ms=latency_ms,
            key=key,
            quota=quota,
            fault=fault,
            error_rate=error_rate,
            fault_first=fault_first,
            fault_for=frozenset(name.lower() for name in fault_for or ()),
            seed=seed,
        )
        known = with_more(load_films(films), more)
        asyncio.run(_serve(Emulator(known, switches), len(known), host, port))


async def _serve(emulator: Emulator, count: int, host: str, port: int) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with emulator.running(host, port) as url:
        print(f"OMDb emulator with {count} films on {url}", flush=True)
        print(f"Try: curl '{url}?apikey=any&t=Alien'", flush=True)
        await stop.wait()


if __name__ == "__main__":
    app()
