"""Startup tasks, which run concurrently with serving: migrate the database, then seed it."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

import structlog

from common.cli.progress import ProgressBar
from common.errors import DatabaseUnavailable, MoviesError
from data_fetcher.seeding.seeder import Seeder
from data_fetcher.throttling.admission_controller import UpstreamAdmission
from data_layer.database import Database

_log = structlog.get_logger(__name__)

WAIT_FIRST_SECONDS, WAIT_MAX_SECONDS = 0.5, 8.0
"""First and longest delay between attempts to reach the database; doubled each time."""


@dataclass(frozen=True, slots=True)
class StartupCallbacks:
    """Callbacks of the startup tasks, which one process runs for all.

    Args:
        on_migrated: called in a thread when the schema is up to date; may block.
        on_seeded: called in the event loop when the seed movies are stored, or if none are seeded.
    """

    on_migrated: Callable[[], None]
    on_seeded: Callable[[], None]


async def prepare(
    database: Database,
    admission: UpstreamAdmission,
    seeder: Seeder | None,
    callbacks: StartupCallbacks | None,
) -> None:
    """Migrate the database, allow a rejected OMDb key to be tried again, and seed.

    Without a seeder nothing is seeded; without callbacks another process runs the tasks. The
    database server may be unavailable at first.
    """
    if callbacks is None:
        return
    await _migrate(database)
    await admission.clear_rejected_key()
    await asyncio.to_thread(callbacks.on_migrated)
    if seeder is None:
        callbacks.on_seeded()
    else:
        await _seed(seeder, callbacks.on_seeded)


async def _migrate(database: Database) -> None:
    """Migrate the database; retry without limit until it is available."""
    wait_seconds = WAIT_FIRST_SECONDS
    while True:
        try:
            await asyncio.to_thread(database.migrate)
        except DatabaseUnavailable as error:
            _log.warning(
                "database_unavailable_retrying", reason=error.message, seconds=wait_seconds
            )
        else:
            return
        await asyncio.sleep(wait_seconds)
        wait_seconds = min(2 * wait_seconds, WAIT_MAX_SECONDS)


async def _seed(seeder: Seeder, on_seeded: Callable[[], None]) -> None:
    try:
        with ProgressBar("Seeding", "movies") as progress:
            report = await seeder.run(progress)
    except MoviesError as error:
        _log.error("seeding_interrupted", reason=error.message)
        return
    if report.pending or report.failed:
        _log.warning(
            "seeding_incomplete",
            stored=report.stored,
            not_found=[seed.title for seed in report.failed],
            pending=[seed.title for seed in report.pending],
        )
    on_seeded()
