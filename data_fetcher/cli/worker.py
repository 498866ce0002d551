"""Command `worker`: fetches requested movies and ingests, independently of the service."""

import asyncio
import sys
from contextlib import closing, suppress

from common.cli.commands import command_settings
from common.cli.exit_codes import ExitCode
from common.cli.signals import shutdown_on_signals
from common.errors import DatabaseUnreachable
from common.settings import Settings
from common.wake_up import WakeUpEvent
from data_fetcher.bootstrap import (
    build_fetch_queue,
    build_movie_source,
    build_worker,
    open_omdb_client,
)
from data_fetcher.ingest.ingest_thread import run_ingest_thread
from data_fetcher.notifiers.selection import open_notifier, open_wake_ups
from data_fetcher.seeding.config import FetcherConfig, load_fetcher_config
from data_layer.bootstrap import open_database
from data_layer.database import Database


def worker() -> None:
    """Fetch requested movies and ingest until stopped; any number of workers share the queue.

    SIGINT or SIGTERM stops it within 8 seconds: fetches in progress are finished or requeued.
    A second signal stops it at once; other workers take over its fetches when their lease expires
    (MOVIES_FETCH_LEASE_SECONDS, 60 by default).
    """
    with command_settings() as settings:
        settings.read_omdb_key()
        config = load_fetcher_config()
        with closing(open_database(settings)) as database:
            completed = asyncio.run(_work(settings, config, database))
    print(f"Stopped: {completed} fetches were processed.", file=sys.stderr)


async def _work(settings: Settings, config: FetcherConfig, database: Database) -> int:
    with suppress(DatabaseUnreachable):  # The worker itself waits until the database is available.
        await asyncio.to_thread(database.migrate)
    with shutdown_on_signals(ExitCode.DONE) as shutdown:
        wake_up_event = WakeUpEvent()
        async with (
            open_omdb_client(settings, config, database) as (omdb, admission),
            open_notifier(settings, wake_up_event.set) as notify,
            open_wake_ups(settings, wake_up_event) as poll_seconds,
        ):
            await admission.clear_rejected_key()
            fetches = build_fetch_queue(settings, database, notify)
            source = build_movie_source(settings, config, omdb, admission)
            fetch_worker = build_worker(
                fetches, source, wake_up_event, database, shutdown, poll_seconds
            )
            with run_ingest_thread(settings, database, shutdown):
                print("Working: fetching requested movies. Press Ctrl-C to stop.", file=sys.stderr)
                await fetch_worker.run()
    return fetch_worker.completed
