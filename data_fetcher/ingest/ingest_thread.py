"""Ingesting in a thread of a worker, beside what else it does."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from common.settings import Settings
from common.stop_request import Brake
from data_fetcher.ingest.bootstrap import build_ingest_worker, build_look
from data_layer.database import Database


@contextmanager
def ingesting(settings: Settings, database: Database) -> Iterator[Callable[[], None]]:
    """Ingest for as long as the context lasts, where there is a source; give what stops it early.

    Raises:
        InvalidSetting: the source can't be opened.
    """
    if settings.ingest_source is None:
        yield lambda: None
        return
    brake = Brake()
    look = build_look(settings, settings.ingest_source, database, brake)
    worker = build_ingest_worker(settings, look, database, brake)
    thread = threading.Thread(target=worker.run, name="ingest", daemon=True)
    thread.start()
    try:
        yield brake.pull
    finally:
        brake.pull()
        thread.join(brake.seconds_left())
