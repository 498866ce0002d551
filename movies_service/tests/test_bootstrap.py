import asyncio
import errno
import io
import sys
from contextlib import AbstractContextManager

import pytest

from common.errors import DatabaseUnavailable
from common.settings import Settings
from data_fetcher.fetch_queue.movie_source import MovieSource
from data_fetcher.fetch_queue.queue import FetchQueue
from data_fetcher.seeding.seeder import Seeder
from data_fetcher.throttling.admission_controller import UpstreamAdmission
from data_fetcher.throttling.daily_quota import Quota
from data_layer.entities.scope import Scope
from data_layer.testing.fakes.unit_of_work import FakeDatabase
from movies_service.accounts.api_keys import ApiKeys
from movies_service.app import is_cacheable
from movies_service.bootstrap import _cache_options
from movies_service.cli import startup_messages
from movies_service.response_cache.options import CacheOptions
from movies_service.startup import _seed
from movies_service.telemetry.counters import ProcessCounters
from movies_service.tests.conftest import KnownRevision, ReadLog, SmallOmdb


def test_failed_seeding_is_logged_and_does_not_raise(omdb: SmallOmdb, read_log: ReadLog) -> None:
    def try_lock() -> AbstractContextManager[bool]:
        raise DatabaseUnavailable("The disk is full.")

    callbacks: list[str] = []
    database, admission = FakeDatabase(), UpstreamAdmission(FakeDatabase(), Quota())
    source = MovieSource(omdb.fetch, admission, concurrency=1)
    seeder = Seeder(database, FetchQueue(database), source, [], try_lock)
    asyncio.run(_seed(seeder, lambda: callbacks.append("seeded")))
    assert callbacks == []
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
