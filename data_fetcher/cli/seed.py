"""Default command: seeds the catalogue."""

import asyncio
import json
import time
from contextlib import closing
from dataclasses import asdict
from typing import Annotated

import typer

from common.cli.commands import AsJson, command_settings
from common.cli.exit_codes import ExitCode
from common.cli.progress import ProgressBar
from common.settings import Settings
from data_fetcher.bootstrap import (
    build_fetch_queue,
    build_movie_source,
    build_seeder,
    open_omdb_client,
)
from data_fetcher.seeding.config import FetcherConfig, load_fetcher_config
from data_fetcher.seeding.seeder import SeedingReport
from data_layer.bootstrap import open_database


def seed(
    context: typer.Context,
    concurrency: Annotated[
        int | None,
        typer.Option(min=1, max=100, help="Concurrent requests; default: as in seed_movies.json."),
    ] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Fetch the first movies and store each exactly once.

    A catalogue that was seeded before is not changed; an interrupted seeding is resumed.
    Exit codes: 0 all movies are stored; 3 some are not, and were listed; 4 OMDb is unavailable.
    """
    if context.invoked_subcommand is not None:
        return
    with command_settings() as settings:
        config = load_fetcher_config()
        if concurrency is not None:
            config = config.model_copy(update={"concurrency": concurrency})
        report, seconds, attempts = asyncio.run(_seed(settings, config))
    print(_as_json(report, seconds, attempts) if as_json else _as_text(report, seconds))
    raise SystemExit(_exit_code(report))


async def _seed(
    settings: Settings, config: FetcherConfig
) -> tuple[SeedingReport, float, dict[str, int]]:
    with closing(open_database(settings)) as database, ProgressBar("Seeding", "movies") as bar:
        await asyncio.to_thread(database.migrate)
        async with open_omdb_client(settings, config, database) as (omdb, admission):
            await admission.clear_rejected_key()
            started = time.perf_counter()
            fetches = build_fetch_queue(settings, database)
            source = build_movie_source(settings, config, omdb, admission)
            report = await build_seeder(database, fetches, source, config).run(bar)
            return report, time.perf_counter() - started, dict(omdb.attempts)


def _as_text(report: SeedingReport, seconds: float) -> str:
    if report == SeedingReport():
        return "Nothing to do: the catalogue was seeded before."
    lines = [f"{report.stored} movies stored in {seconds:.2f} s."]
    if report.failed:
        lines.append(f"{len(report.failed)} movies do not exist at OMDb and will not be retried.")
    if report.pending:
        lines.append(f"{len(report.pending)} movies could not be fetched: run this again later.")
    return "\n".join(lines)


def _as_json(report: SeedingReport, seconds: float, attempts: dict[str, int]) -> str:
    result = asdict(report) | {"attempts": attempts, "seconds": round(seconds, 4)}
    return json.dumps(result, ensure_ascii=False)


def _exit_code(report: SeedingReport) -> ExitCode:
    if report.pending and not report.stored:
        return ExitCode.UPSTREAM
    return ExitCode.PARTIAL if report.pending or report.failed else ExitCode.DONE
