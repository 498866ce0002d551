"""Startup tasks, which run concurrently with serving: migrate the database, then seed it."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

import structlog

from common.cli.progress import ProgressBar
from common.errors import (
    DatabaseBusy,
    DatabaseUnavailable,
    DatabaseUnreachable,
    MoviesError,
    UpstreamUnauthorized,
)
from data_fetcher.seeding.seeder import Seeder, SeedingReport
from data_fetcher.throttling.admission_controller import UpstreamAdmission
from data_layer.database import Database

T = TypeVar("T")

_log = structlog.get_logger(__name__)

WAIT_FIRST_SECONDS, WAIT_MAX_SECONDS = 0.5, 8.0
"""First and longest delay between attempts to reach the database; doubled each time."""

_WAITS = (DatabaseUnreachable, DatabaseBusy)
"""Errors that end without a change by the operator, so that a write is tried again."""


@dataclass(frozen=True, slots=True)
class StartupCallbacks:
    """Callbacks of the startup tasks, which one process runs for all.

    Args:
        on_migrated: called in a thread when the schema is up to date; may block.
        on_seeded: called in the event loop when the seed movies are stored, or if none are seeded;
            not if OMDb rejects the API key.
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
    database server may be unavailable at first, and another process, such as an import, may hold
    the write lock for long: requests are served meanwhile.
    """
    if callbacks is None:
        return
    await _retried(partial(asyncio.to_thread, database.migrate), DatabaseUnavailable)
    await admission.clear_rejected_key()
    try:
        await _retried(partial(asyncio.to_thread, callbacks.on_migrated), *_WAITS)
        if seeder is not None:
            _log_incomplete(await _retried(partial(_seed, seeder), *_WAITS))
    except MoviesError as error:
        _log.error("seeding_interrupted", reason=error.message)
        return
    if admission.state.error_code != UpstreamUnauthorized.code:
        callbacks.on_seeded()


async def _retried(work: Callable[[], Awaitable[T]], *errors: type[DatabaseUnavailable]) -> T:
    """Return the result of `work`; after one of the errors, try again without limit.

    A reason is logged when it occurs, not each time that it repeats.
    """
    wait_seconds, logged = WAIT_FIRST_SECONDS, ""
    while True:
        try:
            return await work()
        except errors as error:
            if error.message != logged:
                logged = error.message
                _log.warning("database_unavailable_retrying", reason=logged, seconds=wait_seconds)
        await asyncio.sleep(wait_seconds)
        wait_seconds = min(2 * wait_seconds, WAIT_MAX_SECONDS)


async def _seed(seeder: Seeder) -> SeedingReport:
    with ProgressBar("Seeding", "movies") as progress:
        return await seeder.run(progress)


def _log_incomplete(report: SeedingReport) -> None:
    if report.pending or report.failed:
        _log.warning(
            "seeding_incomplete",
            stored=report.stored,
            not_found=[seed.title for seed in report.failed],
            pending=len(report.pending),
        )
