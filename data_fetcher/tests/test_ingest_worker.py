"""The loop of those who ingest."""

import datetime as dt
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from common.errors import BucketUnavailable, DatabaseUnavailable, InvalidSetting
from common.settings import Settings
from common.stop_request import Brake
from data_fetcher.embedded_worker import _ingesting
from data_fetcher.ingest.ingest_thread import ingesting
from data_fetcher.ingest.object_cleanup import Clearing
from data_fetcher.ingest.object_ingester import Ingesting, Stopped
from data_fetcher.ingest.source_scan import Look
from data_fetcher.ingest.source_state import Source
from data_fetcher.ingest.worker import KEPT_DAYS, IngestWorker
from data_fetcher.object_stores.folder import Folder
from data_fetcher.object_stores.port import Found
from data_layer.database import Database
from data_layer.entities.ingest import IngestSource
from data_layer.testing.fakes.unit_of_work import FakeDatabase, FakeUnitOfWork

NOON = dt.datetime(2026, 11, 21, 12, tzinfo=dt.UTC)


class Desk:
    """A worker on a folder and a database in memory, that ends with its looks."""

    def __init__(self, path: Path, looks: int, poll_seconds: float = 0.01) -> None:
        self.database: FakeDatabase = FakeDatabase()
        self.folder = Folder(path)
        self.brake = Brake()
        self.looks = looks
        self.now = NOON
        self.is_free = True
        self.poll_seconds = poll_seconds

    def open(self, *, is_read_only: bool = False) -> FakeUnitOfWork:
        return self.database(is_read_only=is_read_only)

    @property
    def source(self) -> Source:
        return Source(self.folder.name, self.open, lambda: self.now)

    @contextmanager
    def try_lock(self) -> Iterator[bool]:
        self.looks -= 1
        if self.looks == 0:
            self.brake.pull()
        yield self.is_free

    def worker(self) -> IngestWorker:
        look = Look(
            self.folder,
            Ingesting(self.open, self.folder.name, 1_000, self.brake.is_overdue),
            Clearing(self.folder, True, 1_000),
            10,
            lambda: False,
        )
        return IngestWorker(look, self.source, self.try_lock, self.brake, self.poll_seconds)


def test_it_looks_again_and_again_until_the_brake_is_pulled(tmp_path: Path) -> None:
    desk = Desk(tmp_path, looks=3)
    (tmp_path / "a.json").write_text('{"title":"Alien"}')
    desk.worker().run()
    assert [film.title for film in desk.database.movies.values()] == ["Alien"]
    assert desk.source.state() == IngestSource(name=desk.folder.name, looked_at=NOON)
    assert desk.looks == 0


def test_while_somebody_else_works_it_waits(tmp_path: Path) -> None:
    desk = Desk(tmp_path, looks=2)
    desk.is_free = False
    (tmp_path / "a.json").write_text('{"title":"Alien"}')
    desk.worker().run()
    assert desk.database.movies == {}


def test_who_asks_for_a_look_does_not_wait_for_the_next_one(tmp_path: Path) -> None:
    desk = Desk(tmp_path, looks=2, poll_seconds=3_600)
    with desk.database() as uow:
        wanted = IngestSource(name=desk.folder.name, wanted_at=NOON + dt.timedelta(seconds=1))
        uow.ingests.put_source(wanted)
        uow.commit()
    desk.worker().run()
    assert desk.looks == 0


class AbsentFolder(Folder):
    """Can't be reached."""

    def list(self, _limit: int) -> list[Found]:
        raise BucketUnavailable("It is away.")


class BrokenFolder(Folder):
    """Has a fault that nobody has thought of."""

    def list(self, _limit: int) -> list[Found]:
        raise ZeroDivisionError


def test_a_source_that_is_away_is_told_to_all_and_looked_at_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    desk = Desk(tmp_path, looks=2)
    desk.folder = AbsentFolder(tmp_path)
    desk.worker().run()
    assert desk.source.state().problem == "It is away."
    assert "updates can't be taken in at the moment" in capsys.readouterr().out


def test_what_nobody_has_thought_of_does_not_end_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    desk = Desk(tmp_path, looks=2)
    desk.folder = BrokenFolder(tmp_path)
    desk.worker().run()
    assert "ZeroDivisionError" in capsys.readouterr().out
    assert desk.looks == 0


class AbsentDatabase(FakeDatabase):
    """Is away."""

    def __call__(self, *, is_read_only: bool = False) -> FakeUnitOfWork:
        raise DatabaseUnavailable(f"It is away, reading or not: {is_read_only}.")


def test_a_database_that_is_away_is_waited_for(tmp_path: Path) -> None:
    desk = Desk(tmp_path, looks=2)
    (tmp_path / "a.json").write_text('{"title":"Alien"}')
    desk.database = AbsentDatabase()
    desk.worker().run()
    assert desk.looks == 0
    assert (tmp_path / "a.json").exists()


def test_what_is_given_up_ends_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    desk = Desk(tmp_path, looks=5)
    worker = desk.worker()

    def give_up() -> None:
        raise Stopped

    monkeypatch.setattr(worker, "look_once", give_up)
    worker.run()
    assert desk.looks == 5


def test_what_was_ingested_is_forgotten_after_a_month(tmp_path: Path) -> None:
    desk = Desk(tmp_path, looks=1)
    (tmp_path / "a.json").write_text('{"title":"Alien"}')
    desk.worker().run()
    assert len(desk.database.ingests) == 1
    later = Desk(tmp_path, looks=1)
    later.database = desk.database
    later.now = dt.datetime.now(dt.UTC) + dt.timedelta(days=KEPT_DAYS + 1)
    later.worker().run()
    assert desk.database.ingests == {}


def test_the_brake_gives_a_transaction_some_time(monkeypatch: pytest.MonkeyPatch) -> None:
    times = iter([100.0, 101.0, 107.0, 104.0, 200.0])
    monkeypatch.setattr("time.monotonic", lambda: next(times))
    brake = Brake()
    assert (brake.is_pulled(), brake.is_overdue()) == (False, False)
    brake.pull()
    assert brake.is_pulled()
    assert [brake.is_overdue(), brake.is_overdue()] == [False, True]
    brake.pull()
    assert [brake.seconds_left(), brake.seconds_left()] == [3.5, 0]


@pytest.mark.integration
def test_a_worker_ingests_beside_what_else_it_does(database: Database, tmp_path: Path) -> None:
    folder = tmp_path / "drop"
    folder.mkdir()
    (folder / "a.json").write_text('{"title":"Alien"}')
    with ingesting(Settings(ingest_source=f"dir:{folder}"), database):
        while (folder / "a.json").exists():
            threading.Event().wait(0.01)
    assert not any(thread.name == "ingest" for thread in threading.enumerate())
    with ingesting(Settings(), database) as stop:
        stop()


def test_a_source_that_is_gone_keeps_the_service_from_nothing_else(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    database = Database(f"sqlite:///{tmp_path / 'movies.db'}")
    settings = Settings(ingest_source=f"dir:{tmp_path / 'gone'}")
    with _ingesting(settings, database) as stop:
        stop()
    assert "nothing is ingested" in capsys.readouterr().out
    with pytest.raises(InvalidSetting), ingesting(settings, database):
        pass
    with _ingesting(Settings(), database) as stop:
        stop()
