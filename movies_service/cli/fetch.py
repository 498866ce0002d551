"""Command `fetch`: fetch movies from OMDb, and show the progress."""

import asyncio
import json
import sys
from collections import Counter
from collections.abc import Coroutine, Iterable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Annotated

import typer
from pydantic import TypeAdapter, ValidationError

from common.cli.commands import AsJson, command_settings, opened
from common.cli.exit_codes import ExitCode
from common.cli.progress import ProgressBar
from common.errors import InvalidInput
from common.settings import Settings
from common.shutdown import ShutdownSignal
from common.wake_up import WakeUpEvent
from data_fetcher.bootstrap import (
    build_fetch_queue,
    build_movie_source,
    build_worker,
    open_omdb_client,
)
from data_fetcher.fetch_queue.queue import FetchQueue
from data_fetcher.seeding.config import FetcherConfig, load_fetcher_config
from data_layer.bootstrap import open_database
from data_layer.database import Database
from data_layer.entities.fetch import Fetch, FetchState
from movies_service.accounts.caller import COMMAND_LINE
from movies_service.api.schemas.fetches import FetchesIn, FetchOut
from movies_service.api.schemas.movies import Text

POLL_SECONDS = 0.25
_LOOKUPS_PER_BATCH = 1_000
_TEXT: TypeAdapter[str] = TypeAdapter(Text)


def fetch(
    lookups: Annotated[
        list[str] | None, typer.Argument(help="Titles or IMDb ids.", show_default=False)
    ] = None,
    file: Annotated[
        Path | None,
        typer.Option(help="File with one title or IMDb id per line; `-` reads standard input."),
    ] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Fetch movies from OMDb into the catalogue, and wait until all fetches are finished.

    Running workers share the work. If the command is stopped, unfinished fetches stay queued for
    the next worker.

    Exit codes: 0 all movies are in the catalogue; 3 some are missing, and are listed; 4 OMDb failed
    for all movies.
    """
    with command_settings() as settings:
        titles = [*(lookups or []), *_read_lines(file)]
        if not titles:
            raise InvalidInput('Name titles or IMDb ids, for example: fetch "Alien" tt0088846.')
        movies = [_validated(number, title) for number, title in enumerate(titles, 1)]
        config = load_fetcher_config()
        with closing(open_database(settings)) as database:
            database.migrate()
            finished = asyncio.run(_fetch(settings, config, database, movies))
    if as_json:
        documents = [FetchOut.of(each).model_dump(mode="json") for each in finished]
        print(json.dumps(documents, indent=2))
    else:
        _print_summary(finished)
    raise SystemExit(_exit_code(finished))


async def _fetch(
    settings: Settings, config: FetcherConfig, database: Database, movies: Sequence[str]
) -> list[Fetch]:
    """Queue the fetches, work on them together with other workers, and return them finished."""
    shutdown = ShutdownSignal()
    async with open_omdb_client(settings, config, database) as (omdb, admission):
        await admission.clear_rejected_key()
        queue = build_fetch_queue(settings, database)
        source = build_movie_source(settings, config, omdb, admission)
        worker = build_worker(queue, source, WakeUpEvent(), database, shutdown)
        fetches: list[Fetch] = []
        for start in range(0, len(movies), _LOOKUPS_PER_BATCH):
            batch = FetchesIn.model_construct(
                movies=list(movies[start : start + _LOOKUPS_PER_BATCH])
            )
            fetches += await asyncio.to_thread(
                queue.enqueue, batch.to_lookups(), COMMAND_LINE.requester
            )
        working = asyncio.create_task(worker.run())
        try:
            return await _unless_failed(working, _follow(queue, fetches))
        finally:
            shutdown.trigger()
            await working


async def _unless_failed(
    working: asyncio.Task[None], following: Coroutine[None, None, list[Fetch]]
) -> list[Fetch]:
    """Return the result of `following`; raise the error of `working` if that ends first."""
    task = asyncio.create_task(following)
    try:
        await asyncio.wait({working, task}, return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            working.result()
        return await task
    finally:
        task.cancel()


async def _follow(queue: FetchQueue, fetches: Sequence[Fetch]) -> list[Fetch]:
    """Show the progress until all fetches are finished, and return them in their order."""
    latest = {each.known_id: each for each in fetches}
    with ProgressBar("Fetching", "movies") as bar:
        while open_ids := [each.known_id for each in latest.values() if each.state.is_open]:
            bar.update(len(latest) - len(open_ids), len(latest), _count_states(latest.values()))
            await asyncio.sleep(POLL_SECONDS * (1 + len(open_ids) / _LOOKUPS_PER_BATCH))
            for found in await asyncio.to_thread(queue.get_many, open_ids[:_LOOKUPS_PER_BATCH]):
                latest[found.known_id] = found
        bar.update(len(latest), len(latest), _count_states(latest.values()))
    return [latest[each.known_id] for each in fetches]


def _count_states(fetches: Iterable[Fetch]) -> str:
    """Return the number of fetches by state, such as `queued 3, fetching 25`."""
    counts = Counter(each.state for each in fetches)
    return ", ".join(
        f"{state.value.replace('_', ' ')} {counts[state]}" for state in FetchState if counts[state]
    )


def _print_summary(fetches: Sequence[Fetch]) -> None:
    for each in dict.fromkeys(fetches):
        if each.state is not FetchState.FETCHED:
            reason = each.error_message or "The fetch was cancelled."
            print(f"{_display_name(each)}: {reason}", file=sys.stderr)
    fetched = sum(each.state is FetchState.FETCHED for each in fetches)
    print(f"{fetched} of {len(fetches)} movies are in the catalogue.")


def _exit_code(fetches: Sequence[Fetch]) -> ExitCode:
    states = {each.state for each in fetches}
    if states == {FetchState.FETCHED}:
        return ExitCode.DONE
    return ExitCode.UPSTREAM if states == {FetchState.FAILED} else ExitCode.PARTIAL


def _display_name(fetch: Fetch) -> str:
    name = fetch.imdb_id or fetch.title or ""
    return name if fetch.year is None else f"{name} ({fetch.year})"


def _read_lines(file: Path | None) -> list[str]:
    if file is None:
        return []
    with opened(file) as stream:
        content = stream.read()
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise InvalidInput("The file is not text in UTF-8.") from None
    return [line.strip() for line in text.splitlines() if line.strip()]


def _validated(number: int, title: str) -> str:
    try:
        return _TEXT.validate_python(title.strip())
    except ValidationError as error:
        reason = error.errors()[0]["msg"]
        raise InvalidInput(f"Movie {number} is not a valid title: {reason}.") from None
