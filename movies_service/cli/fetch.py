"""The command `fetch`: wish for films, and see them come."""

import asyncio
import json
import sys
from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Annotated

import typer
from pydantic import TypeAdapter, ValidationError
from rich.console import Console
from rich.live import Live
from rich.markup import escape
from rich.table import Table

from common.cli.commands import command_settings
from common.cli.exit_codes import ExitCode
from common.errors import InvalidInput
from common.settings import Settings
from common.wake_up import Bell
from data_fetcher.bootstrap import build_fetches, build_source, build_worker, open_source
from data_fetcher.fetch_queue.queue import Fetches
from data_fetcher.seeding.config import FetcherConfig, load_fetcher_config
from data_layer.bootstrap import open_database
from data_layer.database import Database
from data_layer.entities.fetch import Fetch, FetchState
from movies_service.accounts.caller import COMMAND_LINE
from movies_service.api.schemas.fetches import FetchesIn, FetchOut
from movies_service.api.schemas.movies import Text

LOOK_SECONDS = 0.25
ROWS_MAX = 15
"""How many fetches the table shows: those that go on, and those that came to nothing."""

_WISHES_AT_ONCE = 1_000
_TEXT: TypeAdapter[str] = TypeAdapter(Text)
_STYLES = {
    FetchState.QUEUED: "dim",
    FetchState.FETCHING: "cyan",
    FetchState.FETCHED: "green",
    FetchState.NOT_FOUND: "yellow",
    FetchState.FAILED: "red",
    FetchState.CANCELLED: "magenta",
}


def fetch(
    wishes: Annotated[
        list[str] | None, typer.Argument(help="Titles or IMDb ids.", show_default=False)
    ] = None,
    file: Annotated[
        Path | None,
        typer.Option(help="A file with a title or an IMDb id a line; `-` reads standard input."),
    ] = None,
    *,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the fetches as one JSON array.")
    ] = False,
) -> None:
    """Have films fetched, and wait until they are there.

    Workers that run help; what is left when this is stopped goes on when one runs again.
    Exit codes: 0 all films are there; 3 some are not, and are named; 4 OMDb does not serve.
    """
    with command_settings() as settings:
        titles = [*(wishes or []), *_read_lines(file)]
        if not titles:
            raise InvalidInput('Name titles or IMDb ids, as in fetch "Alien" tt0088846.')
        asked = [_checked(number, title) for number, title in enumerate(titles, 1)]
        config = load_fetcher_config()
        with closing(open_database(settings)) as database:
            database.migrate()
            done = asyncio.run(_fetch(settings, config, database, asked))
    if as_json:
        print(json.dumps([FetchOut.of(each).model_dump(mode="json") for each in done], indent=2))
    else:
        _print_summary(done)
    raise SystemExit(_exit_code(done))


async def _fetch(
    settings: Settings, config: FetcherConfig, database: Database, asked: Sequence[str]
) -> list[Fetch]:
    bell = Bell()
    async with open_source(settings, config, database) as (omdb, care):
        await care.forget_refusal()
        fetches = build_fetches(settings, database)
        worker = build_worker(fetches, build_source(settings, config, omdb, care), bell, database)
        wanted: list[Fetch] = []
        for start in range(0, len(asked), _WISHES_AT_ONCE):
            chunk = FetchesIn.model_construct(wishes=list(asked[start : start + _WISHES_AT_ONCE]))
            wanted += await asyncio.to_thread(fetches.wish, chunk.to_wishes(), COMMAND_LINE.wisher)
        working = asyncio.create_task(worker.run())
        try:
            return await _follow(fetches, wanted)
        finally:
            worker.stop()
            await working


async def _follow(fetches: Fetches, wanted: Sequence[Fetch]) -> list[Fetch]:
    """Show how far the wishes are until all are done, and return them."""
    known = {each.known_id: each for each in wanted}
    console = Console(stderr=True)
    with Live(_table(known), console=console, transient=True, auto_refresh=False) as live:
        while waiting := [each.known_id for each in known.values() if each.state.is_open]:
            await asyncio.sleep(LOOK_SECONDS * (1 + len(waiting) / _WISHES_AT_ONCE))
            for found in await asyncio.to_thread(fetches.get_many, waiting[:_WISHES_AT_ONCE]):
                known[found.known_id] = found
            if console.is_terminal:
                live.update(_table(known), refresh=True)
    return [known[each.known_id] for each in wanted]


def _table(known: dict[int, Fetch]) -> Table:
    """Return the fetches that are worth looking at, and how many there are of each state."""
    counts = Counter(each.state for each in known.values())
    caption = "  ".join(
        f"[{_STYLES[state]}]{state.value.replace('_', ' ')} {counts[state]}[/]"
        for state in FetchState
        if counts[state]
    )
    table = Table("Film", "State", "Attempts", "Problem", caption=caption)
    order = (FetchState.FETCHING, FetchState.FAILED, FetchState.NOT_FOUND, FetchState.QUEUED)
    shown = [each for state in order for each in known.values() if each.state is state]
    for each in shown[:ROWS_MAX]:
        state = f"[{_STYLES[each.state]}]{each.state.value.replace('_', ' ')}[/]"
        problem = each.error_message or ""
        table.add_row(escape(_name_of(each)), state, str(each.attempts), problem)
    return table


def _print_summary(done: Sequence[Fetch]) -> None:
    for each in dict.fromkeys(done):
        if each.state is not FetchState.FETCHED:
            reason = each.error_message or "It was cancelled."
            print(f"{_name_of(each)}: {reason}", file=sys.stderr)
    there = sum(each.state is FetchState.FETCHED for each in done)
    print(f"{there} of {len(done)} films are in the catalogue.")


def _exit_code(done: Sequence[Fetch]) -> ExitCode:
    states = {each.state for each in done}
    if states == {FetchState.FETCHED}:
        return ExitCode.DONE
    return ExitCode.UPSTREAM if states == {FetchState.FAILED} else ExitCode.PARTLY


def _name_of(fetch: Fetch) -> str:
    name = fetch.imdb_id or fetch.title or ""
    return name if fetch.year is None else f"{name} ({fetch.year})"


def _read_lines(file: Path | None) -> list[str]:
    if file is None:
        return []
    try:
        text = sys.stdin.read() if str(file) == "-" else file.read_text(encoding="utf-8-sig")
    except OSError:
        raise InvalidInput("The file can't be read: check its path.") from None
    except UnicodeDecodeError:
        raise InvalidInput("The file is not text in UTF-8.") from None
    return [line.strip() for line in text.splitlines() if line.strip()]


def _checked(number: int, title: str) -> str:
    try:
        return _TEXT.validate_python(title.strip())
    except ValidationError as error:
        reason = error.errors()[0]["msg"]
        raise InvalidInput(f"Wish {number} is no title: {reason}.") from None
