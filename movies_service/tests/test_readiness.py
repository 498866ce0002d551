import asyncio
import threading
from dataclasses import dataclass, field

import pytest

from common.errors import DatabaseUnavailable
from movies_service.use_cases import readiness
from movies_service.use_cases.readiness import FRESH_SECONDS, Readiness


@dataclass
class FakeDatabase:
    """Check of a database, with the values that a test sets."""

    error: DatabaseUnavailable | None = None
    now: float = 0.0
    checks: int = 0
    may_end: threading.Event = field(default_factory=threading.Event)

    def check(self) -> None:
        self.checks += 1
        self.may_end.wait()
        if self.error is not None:
            raise self.error


@pytest.fixture
def database() -> FakeDatabase:
    database = FakeDatabase()
    database.may_end.set()
    return database


def test_checks_are_reused_for_a_moment(database: FakeDatabase) -> None:
    async def run() -> None:
        ready = Readiness(database.check, lambda: database.now)
        await asyncio.gather(ready.require(), ready.require())
        database.error = DatabaseUnavailable("The database is read-only.")
        await ready.require()
        assert database.checks == 1
        database.now += FRESH_SECONDS
        for _ in range(2):
            with pytest.raises(DatabaseUnavailable, match="read-only"):
                await ready.require()
        assert database.checks == 2
        ready.close()

    asyncio.run(run())


def test_a_check_that_does_not_end_means_not_ready(
    database: FakeDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(readiness, "WAIT_MAX_SECONDS", 0.01)

    async def run() -> None:
        ready = Readiness(database.check, lambda: database.now)
        database.may_end.clear()
        for _ in range(2):
            database.now += FRESH_SECONDS
            with pytest.raises(DatabaseUnavailable, match="holds the write lock"):
                await ready.require()
        assert database.checks == 1
        database.may_end.set()
        monkeypatch.setattr(readiness, "WAIT_MAX_SECONDS", 60)
        await ready.require()
        ready.close()

    asyncio.run(run())
