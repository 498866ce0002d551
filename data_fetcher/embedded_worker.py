"""The worker that a service brings along, as it works in its process."""

import asyncio
import gc
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
from data_fetcher.bootstrap import Address, open_worker
from data_fetcher.ingest.ingest_thread import ingesting
from data_fetcher.seeding.config import FetcherConfig
from data_fetcher.workers.worker_process import RING
from data_layer.bootstrap import open_database
from data_layer.database import Database

NICENESS = 10
"""How much it stands back where it would find no processor otherwise."""

REPORT_SECONDS = 1.0
"""How old the service's knowledge of what was sent is at most."""

_log = structlog.get_logger(__name__)


def work_for_service(
    settings: Settings, config: FetcherConfig, address: Address, line: Connection
) -> None:
    """Fetch what was wished for until the service says that it is enough, or is gone.

    Args:
        settings: of the service.
        config: how OMDb is asked.
        address: of OMDb.
        line: to the service; see `data_fetcher.workers.worker_process`.
    """
    _stand_back(settings.processes)
    configure_logs(settings.log_level, settings.log_format)
    gc.freeze()  # As in `common.cli.commands.command_settings`.
    with closing(open_database(settings)) as database:
        asyncio.run(_work(settings, config, database, address, line))


def _stand_back(others: int) -> None:
    """Leave the processors to those who answer, on Linux.

    Where these may take all that there are, a part is left to the worker: others would wait for
    what it has locked.
    """
    if sys.platform != "linux":  # pragma: no cover  # Tests run on Linux.
        return
    if len(os.sched_getaffinity(0)) > others:
        os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
    else:
        os.nice(NICENESS)


async def _work(
    settings: Settings,
    config: FetcherConfig,
    database: Database,
    address: Address,
    line: Connection,
) -> None:
    attempts: Counter[str] = Counter()
    async with open_worker(settings, config, database, address, attempts) as worker:
        with _ingesting(settings, database) as stop_ingesting:

            def stop() -> None:
                worker.stop()
                stop_ingesting()

            asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop)
            threading.Thread(target=_listen, args=(line, worker.ring, stop), daemon=True).start()
            reporting = asyncio.create_task(_report(line, attempts))
            await worker.run()
        reporting.cancel()
    with suppress(OSError):  # The service is gone.
        line.send(attempts)


@contextmanager
def _ingesting(settings: Settings, database: Database) -> Iterator[Callable[[], None]]:
    """Ingest, too; where the source can't be opened any more, at least films are fetched."""
    with ExitStack() as stack:
        try:
            stop = stack.enter_context(ingesting(settings, database))
        except InvalidSetting as error:
            _log.error("nothing is ingested", reason=error.message)
            yield lambda: None
        else:
            yield stop


def _listen(line: Connection, ring: Callable[[], None], stop: Callable[[], None]) -> None:
    """Do what the service says, for as long as it is there."""
    with suppress(EOFError, OSError):
        while line.recv() == RING:
            ring()
    stop()


async def _report(line: Connection, attempts: Counter[str]) -> None:
    """Tell the service again and again how many requests were sent."""
    told: Counter[str] = Counter()
    with suppress(OSError):  # The same.
        while True:
            if attempts != told:
                told = Counter(attempts)
                line.send(told)
            await asyncio.sleep(REPORT_SECONDS)
