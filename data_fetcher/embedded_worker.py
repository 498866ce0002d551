"""Main function of the worker process that the service embeds."""

import asyncio
import os
import signal
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from multiprocessing.connection import Connection

import structlog

from common.errors import InvalidSetting
from common.logging_setup import configure_logs
from common.settings import Settings
from common.shutdown import ShutdownSignal
from data_fetcher.bootstrap import OmdbEndpoint, open_worker
from data_fetcher.ingest.ingest_thread import run_ingest_thread
from data_fetcher.seeding.config import FetcherConfig
from data_layer.bootstrap import open_database
from data_layer.database import Database

NICENESS = 10
"""Nice value of the worker where the server processes can occupy every processor."""

REPORT_SECONDS = 1.0
"""Interval at which the service receives the request counts, which are the heartbeat, too."""

_log = structlog.get_logger(__name__)


def run_embedded_worker(
    settings: Settings, config: FetcherConfig, endpoint: OmdbEndpoint, connection: Connection
) -> None:
    """Fetch requested movies and ingest until the service stops the worker or ends.

    `connection` is the pipe to the service; see `data_fetcher.workers.worker_process`.
    """
    _lower_priority(settings.processes)
    configure_logs(settings.log_level, settings.log_format)
    with closing(open_database(settings)) as database:
        asyncio.run(_work(settings, config, database, endpoint, connection))


def _lower_priority(server_processes: int) -> None:
    """Give the server processes precedence over the worker on Linux.

    If they can occupy every processor, the worker keeps a small share of the processor time:
    otherwise it could stall while it holds a database lock that the servers wait for.
    """
    if sys.platform != "linux":  # pragma: no cover  # Tests run on Linux.
        return
    if len(os.sched_getaffinity(0)) > server_processes:
        os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
    else:
        os.nice(NICENESS)


async def _work(
    settings: Settings,
    config: FetcherConfig,
    database: Database,
    endpoint: OmdbEndpoint,
    connection: Connection,
) -> None:
    attempts: Counter[str] = Counter()
    shutdown = ShutdownSignal()
    async with open_worker(settings, config, database, endpoint, shutdown, attempts) as worker:
        with _ingesting(settings, database, shutdown):
            signal.signal(signal.SIGTERM, lambda _number, _frame: shutdown.trigger())
            threading.Thread(
                target=_receive_wake_ups, args=(connection, worker.wake_up), daemon=True
            ).start()
            reporting = asyncio.create_task(_report_attempts(connection, attempts))
            await worker.run()
        reporting.cancel()
    _send_new(connection, attempts)


@contextmanager
def _ingesting(settings: Settings, database: Database, shutdown: ShutdownSignal) -> Iterator[None]:
    """Ingest within the context.

    If the ingest source can't be opened, the error is logged and the worker only fetches.
    """
    with ExitStack() as stack:
        try:
            stack.enter_context(run_ingest_thread(settings, database, shutdown))
        except InvalidSetting as error:
            _log.error("ingest_disabled", reason=error.message)
        yield


def _receive_wake_ups(connection: Connection, wake_up: Callable[[], None]) -> None:
    with suppress(EOFError, OSError):  # The service has ended; SIGTERM stops the worker.
        while True:
            connection.recv()
            wake_up()


async def _report_attempts(connection: Connection, attempts: Counter[str]) -> None:
    """Send new request counts to the service, every `REPORT_SECONDS`."""
    while True:
        _send_new(connection, attempts)
        await asyncio.sleep(REPORT_SECONDS)


def _send_new(connection: Connection, attempts: Counter[str]) -> None:
    """Send the request counts since the last call, and reset them."""
    with suppress(OSError):  # The service has ended.
        connection.send(attempts)
    attempts.clear()
