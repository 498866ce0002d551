"""Construction of the ingest components from settings."""

import hashlib
from functools import partial
from pathlib import Path

from common.errors import InvalidSetting
from common.settings import Settings
from common.shutdown import ShutdownSignal
from data_fetcher.ingest.object_cleanup import ObjectCleanup
from data_fetcher.ingest.object_ingester import ObjectIngester
from data_fetcher.ingest.source_scan import OnProgress, SourceScan
from data_fetcher.ingest.source_state import IngestSourceState
from data_fetcher.ingest.worker import IngestWorker
from data_fetcher.object_stores.factory import open_store
from data_fetcher.object_stores.port import ObjectStore
from data_layer.database import Database


def build_source_scan(
    settings: Settings,
    url: str,
    database: Database,
    shutdown: ShutdownSignal,
    on_progress: OnProgress = lambda _report, _waiting: None,
) -> SourceScan:
    """Return a scan of a bucket or folder.

    Raises:
        InvalidSetting: The folder does not exist or contains the database, or the bucket cannot
            be opened.
    """
    store = open_ingest_store(settings, url)
    return SourceScan(
        store=store,
        ingester=ObjectIngester(
            database.unit_of_work,
            store.name,
            settings.ingest_max_object_bytes,
            shutdown.is_deadline_exceeded,
        ),
        cleanup=ObjectCleanup(
            store, settings.ingest_on_invalid == "reject", settings.ingest_max_object_bytes
        ),
        batch_objects=settings.ingest_batch_objects,
        is_stopping=shutdown.is_set,
        on_progress=on_progress,
        pause=shutdown.wait_in_thread,
    )


def build_ingest_worker(
    settings: Settings, scan: SourceScan, database: Database, shutdown: ShutdownSignal
) -> IngestWorker:
    """Return a worker that repeats a scan until it is stopped."""
    name = scan.store.name
    return IngestWorker(
        scan,
        IngestSourceState(name, database.unit_of_work),
        partial(database.try_lock, lock_name(name)),
        shutdown,
        settings.ingest_poll_seconds,
    )


def lock_name(source: str) -> str:
    """Return the name of the lock that the active worker of a source holds."""
    return f"ingest-{hashlib.sha256(source.encode()).hexdigest()[:16]}"


def open_ingest_store(settings: Settings, url: str) -> ObjectStore:
    """Open the folder or bucket of a URL.

    Raises:
        InvalidSetting: See `build_source_scan`.
    """
    store = open_store(url)
    _require_database_outside(store.name, settings.database_url)
    return store


def _require_database_outside(source: str, database_url: str) -> None:
    """Raise if the folder contains the SQLite file: it would be ingested as an object and deleted.

    Raises:
        InvalidSetting: The folder contains the database.
    """
    folder, file = source.removeprefix("dir:"), database_url.removeprefix("sqlite:///")
    is_folder, is_file = folder != source, file != database_url
    if is_folder and is_file and Path(file).absolute().is_relative_to(folder):
        raise InvalidSetting(
            "The database file is inside the ingest folder: use another folder for updates."
        )
