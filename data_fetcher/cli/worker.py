"""The command `worker`: fetch what was wished for, beside the service."""

import asyncio
import os
import signal
import sys
import threading
from collections.abc import Callable
from contextlib import closing, suppress

from common.cli.commands import command_settings
from common.cli.start import INTERRUPTED
from common.errors import DatabaseUnavailable
from common.settings import Settings
from common.wake_up import Bell
from data_fetcher.bootstrap import build_fetches, build_source, build_worker, open_source
from data_fetcher.ingest.ingest_thread import ingesting
from data_fetcher.notifiers.selection import announcing, hearing
from data_fetcher.seeding.config import FetcherConfig, load_fetcher_config
from data_layer.bootstrap import open_database
from data_layer.database import Database

END_SECONDS = 1.5
"""How long the process gets to end by itself once it has worked."""


def worker() -> None:
    """Fetch what was wished for, and ingest, until stopped; any number of workers share the work.

    SIGINT and SIGTERM stop it within 8 seconds: what is being fetched is finished or given back.
    A second one stops it at once; others take over what it held within a minute.
    """
    with command_settings() as settings:
        settings.find_omdb_key()
        config = load_fetcher_config()
        with closing(open_database(settings)) as database:
            settled = asyncio.run(_work(settings, config, database))
    print(f"Stopped: {settled} fetches were settled.", file=sys.stderr)


async def _work(settings: Settings, config: FetcherConfig, database: Database) -> int:
    with suppress(DatabaseUnavailable):  # The worker waits for it.
        await asyncio.to_thread(database.migrate)
    bell = Bell()
    async with (
        open_source(settings, config, database) as (omdb, care),
        announcing(settings, bell.ring) as announce,
        hearing(settings, bell) as poll_seconds,
    ):
        await care.forget_refusal()
        fetches = build_fetches(settings, database, announce)
        source = build_source(settings, config, omdb, care)
        working = build_worker(fetches, source, bell, database, poll_seconds)
        with ingesting(settings, database) as stop_ingesting:

            def stop() -> None:
                working.stop()
                stop_ingesting()

            _stop_at_signals(stop)
            print("Working: wishes are fetched as they come. Ctrl-C stops.", file=sys.stderr)
            await working.run()
    _end_soon()
    return working.settled


def _stop_at_signals(stop: Callable[[], None]) -> None:
    """Stop at the first signal, and exit at the second."""
    loop = asyncio.get_running_loop()

    def on_signal() -> None:
        stop()
        with suppress(OSError):  # Nobody reads it any more.
            print("Stopping worker. Press once more to exit at once.", file=sys.stderr, flush=True)
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, os._exit, INTERRUPTED)

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, on_signal)


def _end_soon() -> None:
    """End even if a thread waits for a database that does not answer."""
    end = threading.Timer(END_SECONDS, os._exit, [0])
    end.daemon = True
    end.start()
