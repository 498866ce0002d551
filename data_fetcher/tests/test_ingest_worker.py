"""Ingest worker: repeated scans, errors, scan requests and shutdown."""

import datetime as dt
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from common.errors import BucketUnavailable, DatabaseUnavailable, InvalidSetting
from common.settings import Settings
from common.shutdown import ShutdownSignal
from data_fetcher.embedded_worker import _ingesting
from data_fetcher.ingest.ingest_thread import run_ingest_thread
from data_fetcher.ingest.object_cleanup import ObjectCleanup
from data_fetcher.ingest.object_ingester import IngestInterrupted, ObjectIngester
from data_fetcher.ingest.source_scan import SourceScan
from data_fetcher.ingest.source_state import IngestSourceState
from data_fetcher.ingest.worker import RETENTION_DAYS, IngestWorker
from data_fetcher.object_stores.folder import Folder
from data_fetcher.object_stores.port import ObjectVersion
from data_layer.database import Database
from data_layer.entities.ingest import IngestSource
from data_layer.testing.fakes.unit_of_work import FakeDatabase, FakeUnitOfWork

NOON = dt.datetime(2026, 11, 21, 12, tzinfo=dt.UTC)


class Harness:
    """Worker on a folder and an in-memory database that stops after `scans` scans."""

    def __init__(self, path: Path, scans: int, poll_seconds: float = 0.01) -> None:
        self.database: FakeDatabase = FakeDatabase()
        self.folder = Folder(path)
        self.shutdown = ShutdownSignal()
        self.scans = scans
        self.now = NOON
        self.is_lock_free = True
        self.poll_seconds = poll_seconds

    def open(self, *, is_read_only: bool = False) -> FakeUnitOfWork:
        return self.database(is_read_only=is_read_only)

    @property
    def source(self) -> IngestSourceState:
        return IngestSourceState(self.folder.name, self.open, lambda: self.now)

    @contextmanager
    def try_lock(self) -> Iterator[bool]:
        self.scans -= 1
        if self.scans == 0:
            self.shutdown.trigger()
        yield self.is_lock_free

    def worker(self) -> IngestWorker:
        scan = SourceScan(
            self.folder,
            ObjectIngester(self.open, self.folder.name, 1_000, self.shutdown.is_deadline_exceeded),
            ObjectCleanup(self.folder, True, 1_000),
            10,
            lambda: False,
        )
        return IngestWorker(scan, self.source, self.try_lock, self.shutdown, self.poll_seconds)


def test_scans_repeatedly_until_the_stop_is_requested(tmp_path: Path) -> None:
    harness = Harness(tmp_path, scans=3)
    (tmp_path / "a.json").write_text('{"title":"Alien"}')
    harness.worker().run()
    assert [movie.title for movie in harness.database.movies.values()] == ["Alien"]
    assert harness.source.get_state() == IngestSource(name=harness.folder.name, scanned_at=NOON)
    assert harness.scans == 0


def test_does_not_scan_while_another_worker_holds_the_lock(tmp_path: Path) -> None:
    harness = Harness(tmp_path, scans=2)
    harness.is_lock_free = False
    (tmp_path / "a.json").write_text('{"title":"Alien"}')
    harness.worker().run()
    assert harness.database.movies == {}


def test_a_scan_request_ends_the_wait(tmp_path: Path) -> None:
    harness = Harness(tmp_path, scans=2, poll_seconds=3_600)
    with harness.database() as uow:
        requested = IngestSource(
            name=harness.folder.name, scan_requested_at=NOON + dt.timedelta(seconds=1)
        )
        uow.ingests.put_source(requested)
        uow.commit()
    harness.worker().run()
    assert harness.scans == 0


class UnavailableFolder(Folder):
    """Folder that is unavailable."""

    def list(self, _limit: int) -> list[ObjectVersion]:
        raise BucketUnavailable("Bucket unavailable.")


class BrokenFolder(Folder):
    """Folder with a bug."""

    def list(self, _limit: int) -> list[ObjectVersion]:
        raise ZeroDivisionError


def test_records_an_unavailable_source_and_scans_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    harness = Harness(tmp_path, scans=2)
    harness.folder = UnavailableFolder(tmp_path)
    harness.worker().run()
    assert harness.source.get_state().last_error == "Bucket unavailable."
    assert "ingest_unavailable" in capsys.readouterr().out


class OddFolder(Folder):
    """Folder with an object whose key is not supported."""

    def list(self, limit: int) -> list[ObjectVersion]:
        odd = ObjectVersion("a\tb.json", "1", 2, NOON, is_supported=False)
        return [odd, *super().list(limit)]


def test_records_and_logs_remaining_objects_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    harness = Harness(tmp_path, scans=3)
    harness.folder = OddFolder(tmp_path)
    (tmp_path / "a.json").write_text('{"title":"Alien"}')
    harness.worker().run()
    assert [movie.title for movie in harness.database.movies.values()] == ["Alien"]
    assert "a\\tb.json" in (harness.source.get_state().last_error or "")
    assert capsys.readouterr().out.count("ingest_objects_remaining") == 1


def test_an_unexpected_error_does_not_end_the_worker(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    harness = Harness(tmp_path, scans=2)
    harness.folder = BrokenFolder(tmp_path)
    harness.worker().run()
    assert "ZeroDivisionError" in capsys.readouterr().out
    assert harness.scans == 0


class UnavailableDatabase(FakeDatabase):
    """Database that is unavailable."""

    def __call__(self, *, is_read_only: bool = False) -> FakeUnitOfWork:
        raise DatabaseUnavailable(f"Database unavailable (read-only: {is_read_only}).")


def test_scans_again_after_a_database_error(tmp_path: Path) -> None:
    harness = Harness(tmp_path, scans=2)
    (tmp_path / "a.json").write_text('{"title":"Alien"}')
    harness.database = UnavailableDatabase()
    harness.worker().run()
    assert harness.scans == 0
    assert (tmp_path / "a.json").exists()


def test_an_interrupted_scan_ends_the_worker(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    harness = Harness(tmp_path, scans=5)
    worker = harness.worker()

    def interrupt() -> None:
        raise IngestInterrupted

    monkeypatch.setattr(worker, "scan_once", interrupt)
    worker.run()
    assert harness.scans == 5


def test_deletes_ingest_records_after_the_retention(tmp_path: Path) -> None:
    harness = Harness(tmp_path, scans=1)
    (tmp_path / "a.json").write_text('{"title":"Alien"}')
    harness.worker().run()
    assert len(harness.database.ingests) == 1
    later = Harness(tmp_path, scans=1)
    later.database = harness.database
    later.now = dt.datetime.now(dt.UTC) + dt.timedelta(days=RETENTION_DAYS + 1)
    later.worker().run()
    assert harness.database.ingests == {}


@pytest.mark.integration
def test_ingests_in_a_thread_while_the_context_is_open(database: Database, tmp_path: Path) -> None:
    folder = tmp_path / "drop"
    folder.mkdir()
    (folder / "a.json").write_text('{"title":"Alien"}')
    with run_ingest_thread(Settings(ingest_source=f"dir:{folder}"), database, ShutdownSignal()):
        while (folder / "a.json").exists():
            threading.Event().wait(0.01)
    assert not any(thread.name == "ingest" for thread in threading.enumerate())
    with run_ingest_thread(Settings(), database, ShutdownSignal()):
        pass


def test_a_missing_source_disables_ingestion_only(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    database = Database(f"sqlite:///{tmp_path / 'movies.db'}")
    settings = Settings(ingest_source=f"dir:{tmp_path / 'gone'}")
    with _ingesting(settings, database, ShutdownSignal()):
        pass
    assert "ingest_disabled" in capsys.readouterr().out
    with pytest.raises(InvalidSetting), run_ingest_thread(settings, database, ShutdownSignal()):
        pass
    with _ingesting(Settings(), database, ShutdownSignal()):
        pass
