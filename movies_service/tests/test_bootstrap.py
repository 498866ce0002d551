import asyncio
import errno
import io
import sys
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import cast

import pytest
from structlog.testing import capture_logs

from common.errors import (
    DatabaseBusy,
    DatabaseUnavailable,
    DatabaseUnreachable,
    Unavailable,
    UpstreamUnauthorized,
)
from common.settings import Settings
from data_fetcher.fetch_queue.movie_source import MovieSource
from data_fetcher.fetch_queue.queue import FetchQueue
from data_fetcher.omdb.admission import Purpose
from data_fetcher.omdb.lookups import MovieLookup
from data_fetcher.seeding.config import PlannedMovie
from data_fetcher.seeding.seeder import Seeder
from data_fetcher.throttling.admission_controller import UpstreamAdmission
from data_fetcher.throttling.daily_quota import Quota
from data_layer.database import Database
from data_layer.entities.movie import MovieFacts
from data_layer.entities.scope import Scope
from data_layer.testing.fakes.unit_of_work import FakeDatabase
from movies_service.accounts.api_keys import ApiKeys
from movies_service.app import is_cacheable
from movies_service.bootstrap import _cache_options
from movies_service.cli import startup_messages
from movies_service.response_cache.options import CacheOptions
from movies_service.startup import StartupCallbacks, prepare
from movies_service.telemetry.counters import ProcessCounters
from movies_service.tests.conftest import KnownRevision, ReadLog, SmallOmdb
from movies_service.use_cases.readiness import require_seedable


@dataclass
class FakeSchema:
    """Database whose first migrations and first admin key fail with the errors that remain."""

    migration_errors: list[DatabaseUnavailable] = field(default_factory=list)
    key_errors: list[DatabaseUnavailable] = field(default_factory=list)

    def migrate(self) -> None:
        if self.migration_errors:
            raise self.migration_errors.pop()

    def add_key(self) -> None:
        if self.key_errors:
            raise self.key_errors.pop()


def prepared(
    database: FakeSchema, admission: UpstreamAdmission, seeder: Seeder | None = None
) -> list[str]:
    """Run the startup tasks, and return the callbacks that were called."""
    called: list[str] = []

    def on_migrated() -> None:
        database.add_key()
        called.append("migrated")

    callbacks = StartupCallbacks(on_migrated, lambda: called.append("seeded"))
    asyncio.run(prepare(cast("Database", database), admission, seeder, callbacks))
    return called


@pytest.fixture
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("movies_service.startup.WAIT_FIRST_SECONDS", 0)


@pytest.mark.usefixtures("_no_waiting")
def test_startup_waits_for_the_write_lock_and_logs_it_once(read_log: ReadLog) -> None:
    database = FakeSchema(
        [DatabaseBusy("The lock is held."), DatabaseBusy("The lock is held.")],
        [DatabaseBusy("Still held."), DatabaseUnreachable("No connection.")],
    )
    admission = UpstreamAdmission(FakeDatabase(), Quota())
    assert prepared(database, admission) == ["migrated", "seeded"]
    assert [line["reason"] for line in read_log()] == [
        "The lock is held.",
        "No connection.",
        "Still held.",
    ]


def test_a_rejected_key_leaves_the_catalogue_unready() -> None:
    store = FakeDatabase()
    admission = UpstreamAdmission(store, Quota())
    rejected = UpstreamUnauthorized("OMDb rejected the API key.")

    async def fetch(_lookup: MovieLookup, purpose: Purpose) -> MovieFacts:
        await admission.record_outcome(await admission.admit(purpose), rejected)
        raise rejected

    plan = [PlannedMovie(imdb_id=f"tt{number:07}", title="One") for number in range(9)]
    source = MovieSource(fetch, admission, concurrency=3)
    seeder = Seeder(store, FetchQueue(store), source, plan, lambda: nullcontext(enter_result=True))
    with capture_logs() as log:
        assert prepared(FakeSchema(), admission, seeder) == ["migrated"]
    opened, incomplete = log
    assert opened["event"] == "omdb_circuit_opened"
    assert (incomplete["stored"], incomplete["pending"]) == (0, 9)
    with pytest.raises(Unavailable, match="rejected the API key"):
        require_seedable(store)


def test_failed_seeding_is_logged_and_does_not_raise(omdb: SmallOmdb, read_log: ReadLog) -> None:
    def try_lock() -> AbstractContextManager[bool]:
        raise DatabaseUnavailable("The disk is full.")

    database, admission = FakeDatabase(), UpstreamAdmission(FakeDatabase(), Quota())
    source = MovieSource(omdb.fetch, admission, concurrency=1)
    seeder = Seeder(database, FetchQueue(database), source, [], try_lock)
    assert prepared(FakeSchema(), admission, seeder) == ["migrated"]
    line = read_log()[-1]
    assert (line["level"], line["reason"]) == ("error", "The disk is full.")


URL = "http://127.0.0.1:8080"


@pytest.mark.parametrize("is_terminal", [True, False])
def test_admin_key_is_printed_once_and_only_on_a_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *, is_terminal: bool
) -> None:
    keys = ApiKeys(FakeDatabase())
    monkeypatch.setattr(sys.stdout, "isatty", lambda: is_terminal, raising=False)
    startup_messages.print_admin_key(keys, URL)
    output = capsys.readouterr().out
    assert ("mvs_" in output, len(keys.list())) == (is_terminal, int(is_terminal))
    assert ("api-keys create admin" in output) is not is_terminal
    keys.create("another", {Scope.ADMIN})
    startup_messages.print_admin_key(keys, URL)
    assert capsys.readouterr().out == ""


def test_no_admin_key_is_created_if_it_cannot_be_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

        def write(self, _text: str) -> int:
            raise OSError(errno.EIO, "Input/output error")

    keys = ApiKeys(FakeDatabase())
    for stream in (Terminal(), None):
        monkeypatch.setattr(sys, "stdout", stream)
        startup_messages.print_admin_key(keys, URL)
        startup_messages.print_next_steps(URL)
        assert keys.list() == ()


def test_cache_options_follow_the_settings() -> None:
    revision, counts = KnownRevision(), ProcessCounters()
    assert _cache_options(Settings(cache="off"), revision, counts) is None
    default = CacheOptions(
        revision=revision,
        requests=counts.requests,
        counts=counts.cache,
        is_cacheable=is_cacheable,
    )
    assert _cache_options(Settings(), revision, counts) == default
