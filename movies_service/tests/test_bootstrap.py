import asyncio
import sys
from contextlib import AbstractContextManager

import pytest

from common.errors import DatabaseUnavailable
from common.settings import Settings
from data_fetcher.seeding.seeder import Seeding
from data_layer.entities.scope import Scope
from data_layer.testing.fakes.unit_of_work import FakeDatabase
from movies_service.accounts.api_keys import ApiKeys
from movies_service.bootstrap import _cache_options
from movies_service.cli import startup_messages as greeting
from movies_service.response_cache.options import CacheOptions
from movies_service.startup import _seed
from movies_service.telemetry.collector import Counts
from movies_service.tests.conftest import KnownRevision, ReadLog, SmallOmdb


def test_a_seeding_that_fails_is_logged_and_serving_goes_on(
    omdb: SmallOmdb, read_log: ReadLog
) -> None:
    def try_lock() -> AbstractContextManager[bool]:
        raise DatabaseUnavailable("The disk is full.")

    calls: list[str] = []
    seeding = Seeding(FakeDatabase(), omdb.fetch, [], try_lock, 1)
    asyncio.run(_seed(seeding, lambda: calls.append("seeded")))
    assert calls == []
    line = read_log()[-1]
    assert (line["level"], line["reason"]) == ("error", "The disk is full.")


URL = "http://127.0.0.1:8080"


@pytest.mark.parametrize("is_terminal", [True, False])
def test_the_admin_key_is_shown_once_and_on_a_terminal_only(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *, is_terminal: bool
) -> None:
    keys = ApiKeys(FakeDatabase())
    monkeypatch.setattr(sys.stdout, "isatty", lambda: is_terminal, raising=False)
    greeting.print_admin_key(keys, URL)
    shown = capsys.readouterr().out
    assert ("mvs_" in shown, len(keys.list())) == (is_terminal, int(is_terminal))
    assert ("keys create admin" in shown) is not is_terminal
    keys.create("another", {Scope.ADMIN})
    greeting.print_admin_key(keys, URL)
    assert capsys.readouterr().out == ""


def test_the_cache_is_as_the_settings_say() -> None:
    known, counts = KnownRevision(), Counts()
    assert _cache_options(Settings(cache="off"), known, counts) is None
    default = CacheOptions(revision=known, requests=counts.requests, counts=counts.cache)
    assert _cache_options(Settings(), known, counts) == default
