"""Where the parts that ingest are put together."""

import hashlib
from functools import partial
from pathlib import Path

from common.errors import InvalidSetting
from common.settings import Settings
from common.stop_request import Brake
from data_fetcher.ingest.object_cleanup import Clearing
from data_fetcher.ingest.object_ingester import Ingesting
from data_fetcher.ingest.source_scan import Look, OnProgress
from data_fetcher.ingest.source_state import Source
from data_fetcher.ingest.worker import IngestWorker
from data_fetcher.object_stores.factory import open_store
from data_fetcher.object_stores.port import UpdateStore
from data_layer.database import Database


def build_look(
    settings: Settings,
    url: str,
    database: Database,
    brake: Brake,
    on_progress: OnProgress = lambda _report, _waiting: None,
) -> Look:
    """Return what looks at a bucket or folder.

    Raises:
        InvalidSetting: there is no such folder, the database is in it, or the bucket can't be
            opened.
    """
    store = open_source(settings, url)
    return Look(
        store=store,
        ingesting=Ingesting(
            database.unit_of_work, store.name, settings.ingest_max_bytes, brake.is_overdue
        ),
        clearing=Clearing(store, settings.ingest_invalid == "reject", settings.ingest_max_bytes),
        batch_objects=settings.ingest_batch_objects,
        has_to_end=brake.is_pulled,
        on_progress=on_progress,
    )


def build_ingest_worker(
    settings: Settings, look: Look, database: Database, brake: Brake
) -> IngestWorker:
    """Return what looks again and again."""
    name = look.store.name
    return IngestWorker(
        look,
        Source(name, database.unit_of_work),
        partial(database.try_lock, lock_of(name)),
        brake,
        settings.ingest_poll_seconds,
    )


def lock_of(source: str) -> str:
    """Return the name of the lock that whoever works on a source holds."""
    return f"ingest-{hashlib.sha256(source.encode()).hexdigest()[:16]}"


def open_source(settings: Settings, url: str) -> UpdateStore:
    """Return the folder or bucket of a URL.

    Raises:
        InvalidSetting: as `build_look`.
    """
    store = open_store(url)
    _require_apart(store.name, settings.database_url)
    return store


def _require_apart(source: str, database_url: str) -> None:
    """Make sure that the database is not taken for an object, which would be removed."""
    folder, file = source.removeprefix("dir:"), database_url.removeprefix("sqlite:///")
    is_folder, is_file = folder != source, file != database_url
    if is_folder and is_file and Path(file).absolute().is_relative_to(folder):
        raise InvalidSetting("The database is in the folder with updates: take another folder.")
