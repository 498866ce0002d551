"""The command without a name: seed the catalogue."""

import asyncio
import json
import time
from contextlib import closing
from typing import Annotated

import typer

from common.cli.commands import command_settings
from common.cli.exit_codes import ExitCode
from common.settings import Settings
from data_fetcher.bootstrap import build_seeding, open_source
from data_fetcher.seeding.config import FetcherConfig, load_fetcher_config
from data_fetcher.seeding.progress import SeedingProgress
from data_fetcher.seeding.seeder import SeedingReport
from data_layer.bootstrap import open_database


def seed(
    context: typer.Context,
    concurrency: Annotated[
        int | None,
        typer.Option(min=1, max=100, help="Requests at once; else as fetcher_config.json says."),
    ] = None,
    *,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the result as one JSON object.")
    ] = False,
) -> None:
    """Fetch the first films and store them, exactly once.

    A catalogue that was seeded stays as it is; a seeding that was stopped goes on.
    Exit codes: 0 all films are in; 3 some are not, and were named; 4 OMDb does not serve.
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
    with closing(open_database(settings)) as database, closing(SeedingProgress()) as bar:
        await asyncio.to_thread(database.migrate)
        async with open_source(settings, config, database) as (omdb, care):
            await care.forget_refusal()
            started = time.perf_counter()
            report = await build_seeding(database, omdb, config).run(bar)
            return report, time.perf_counter() - started, dict(omdb.attempts)


def _as_text(report: SeedingReport, seconds: float) -> str:
    if report == SeedingReport():
        return "Nothing to do: the catalogue was seeded before."
    lines = [f"{len(report.stored)} films stored in {seconds:.2f} s."]
    if report.failed:
        lines.append(f"{len(report.failed)} films are not at OMDb and were given up.")
    if report.pending:
        lines.append(f"{len(report.pending)} films could not be fetched: start this again later.")
    return "\n".join(lines)


def _as_json(report: SeedingReport, seconds: float, attempts: dict[str, int]) -> str:
    def listed(name: str) -> list[dict[str, str | None]]:
        return [
            {"imdb_id": seed.imdb_id, "title": seed.title, "reason": seed.reason}
            for seed in getattr(report, name)
        ]

    return json.dumps(
        {
            "stored": len(report.stored),
            "failed": listed("failed"),
            "pending": listed("pending"),
            "attempts": attempts,
            "seconds": round(seconds, 4),
        },
        ensure_ascii=False,
    )


def _exit_code(report: SeedingReport) -> ExitCode:
    if report.pending and not report.stored:
        return ExitCode.UPSTREAM
    return ExitCode.PARTLY if report.pending or report.failed else ExitCode.DONE
