"""Ingest thread inside a worker process."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from common.settings import Settings
from common.shutdown import ShutdownSignal
from data_fetcher.ingest.bootstrap import build_ingest_worker, build_source_scan
from data_layer.database import Database


@contextmanager
def run_ingest_thread(
    settings: Settings, database: Database, shutdown: ShutdownSignal
) -> Iterator[None]:
    """Run an ingest worker in a thread while the context is open; its end triggers `shutdown`.

    Without `MOVIES_INGEST_SOURCE` no thread is started.

    Raises:
        InvalidSetting: The source cannot be opened.
    """
    if settings.ingest_source is None:
        yield
        return
    scan = build_source_scan(settings, settings.ingest_source, database, shutdown)
    worker = build_ingest_worker(settings, scan, database, shutdown)
    thread = threading.Thread(target=worker.run, name="ingest", daemon=True)
    thread.start()
    try:
        yield
    finally:
        shutdown.trigger()
        thread.join(shutdown.seconds_left())
