"""What is done once, beside serving: migrate as soon as the database is there, and seed."""

import asyncio
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass

import structlog

from common.errors import DatabaseUnavailable, MoviesError
from data_fetcher.seeding.progress import SeedingProgress
from data_fetcher.seeding.seeder import Seeding
from data_fetcher.throttling.admission_controller import UpstreamCare
from data_layer.database import Database

_log = structlog.get_logger(__name__)

WAIT_FIRST_SECONDS, WAIT_MAX_SECONDS = 0.5, 8.0
"""How long is waited for a database that is away, first and at most; doubled each time."""


@dataclass(frozen=True, slots=True)
class Preparation:
    """What one process does for all once the database is there: migrate, and seed.

    Args:
        on_migrated: called when the schema is the newest; it may use the database.
        on_seeded: called when the first films are in, or were before.
    """

    on_migrated: Callable[[], None]
    on_seeded: Callable[[], None]


async def prepare(
    database: Database,
    care: UpstreamCare,
    seeding: Seeding | None,
    preparation: Preparation | None,
) -> None:
    """Migrate, and seed.

    Args:
        database: is waited for.
        care: of OMDb; a key that was refused before is tried again.
        seeding: `None` where nothing is seeded.
        preparation: is told how far it is; `None` where another process does it all.
    """
    if preparation is None:
        return
    await _migrate(database)
    await care.forget_refusal()
    await asyncio.to_thread(preparation.on_migrated)
    if seeding is None:
        preparation.on_seeded()
    else:
        await _seed(seeding, preparation.on_seeded)


async def _migrate(database: Database) -> None:
    """Migrate as soon as the database can be reached, however long that takes."""
    waits_seconds = WAIT_FIRST_SECONDS
    while True:
        try:
            await asyncio.to_thread(database.migrate)
        except DatabaseUnavailable as error:
            _log.warning("waiting for the database", reason=error.message, seconds=waits_seconds)
        else:
            return
        await asyncio.sleep(waits_seconds)
        waits_seconds = min(2 * waits_seconds, WAIT_MAX_SECONDS)


async def _seed(seeding: Seeding, on_seeded: Callable[[], None]) -> None:
    try:
        with closing(SeedingProgress()) as progress:
            report = await seeding.run(progress)
    except MoviesError as error:
        _log.error("seeding stopped; the next start goes on", reason=error.message)
        return
    if report.pending or report.failed:
        _log.warning(
            "some films were not seeded",
            stored=len(report.stored),
            not_at_omdb=[seed.title for seed in report.failed],
            tried_again_at_the_next_start=[seed.title for seed in report.pending],
        )
    on_seeded()
