import asyncio
import dataclasses
import datetime as dt
import threading
from dataclasses import dataclass, field

import pytest

from common.clock import utc_now
from common.errors import DatabaseBusy, Unavailable, UpstreamUnauthorized
from data_fetcher.fetch_queue.deduplication import new_fetch
from data_fetcher.omdb.lookups import ImdbIdLookup
from data_fetcher.seeding.seeder import SEEDING
from data_layer.entities.movie import MovieFacts
from data_layer.entities.upstream_state import UpstreamState
from data_layer.testing.fakes.unit_of_work import FakeDatabase
from movies_service.use_cases import readiness
from movies_service.use_cases.readiness import FRESH_SECONDS, Readiness, require_seedable


@dataclass
class FakeCheck:
    """Check of a database, with the values that a test sets."""

    error: Unavailable | None = None
    calls: int = 0
    may_end: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self.may_end.set()

    def __call__(self) -> None:
        self.calls += 1
        self.may_end.wait()
        if self.error is not None:
            raise self.error


@dataclass
class Checks:
    """Checks of reads and of writes, and the time of their clock."""

    reads: FakeCheck = field(default_factory=FakeCheck)
    writes: FakeCheck = field(default_factory=FakeCheck)
    now: float = 0.0

    def readiness(self) -> Readiness:
        return Readiness(self.reads, self.writes, lambda: self.now)


def test_checks_are_reused_for_a_moment() -> None:
    checks = Checks()

    async def run() -> None:
        ready = checks.readiness()
        assert all(await asyncio.gather(ready.require(), ready.require()))
        checks.reads.error = Unavailable("The schema is outdated.")
        assert await ready.require()
        assert (checks.reads.calls, checks.writes.calls) == (1, 1)
        checks.now += FRESH_SECONDS
        for _ in range(2):
            with pytest.raises(Unavailable, match="outdated"):
                await ready.require()
        assert checks.reads.calls == 2
        ready.close()

    asyncio.run(run())


def test_a_read_that_does_not_end_means_not_ready(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readiness, "READ_MAX_SECONDS", 0.01)
    checks = Checks()

    async def run() -> None:
        ready = checks.readiness()
        checks.reads.may_end.clear()
        for _ in range(2):
            checks.now += FRESH_SECONDS
            with pytest.raises(Unavailable, match="did not respond"):
                await ready.require()
        assert checks.reads.calls == 1
        checks.reads.may_end.set()
        monkeypatch.setattr(readiness, "READ_MAX_SECONDS", 60)
        await ready.require()
        ready.close()

    asyncio.run(run())


def test_a_held_write_lock_is_ready_for_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readiness, "WRITE_MAX_SECONDS", 0.01)
    checks = Checks(writes=FakeCheck(DatabaseBusy("Timed out.")))

    async def run() -> None:
        ready = checks.readiness()
        checks.writes.may_end.clear()
        assert not await ready.require()
        checks.writes.may_end.set()
        monkeypatch.setattr(readiness, "WRITE_MAX_SECONDS", 60)
        assert not await ready.require()
        checks.writes.error, checks.now = Unavailable("The database is read-only."), FRESH_SECONDS
        with pytest.raises(Unavailable, match="read-only"):
            await ready.require()
        ready.close()

    asyncio.run(run())


def test_not_ready_if_the_key_was_rejected_before_a_movie_was_stored() -> None:
    database = FakeDatabase()
    require_seedable(database)
    lookup, now = ImdbIdLookup("tt0078748"), utc_now()
    rejected = UpstreamState(
        quota_day=now.date(),
        failures=1,
        circuit_open_until=now + dt.timedelta(minutes=1),
        error_code=UpstreamUnauthorized.code,
        error_message="OMDb rejected the API key.",
    )
    with database() as uow:
        uow.upstream_state.put(rejected)
        uow.commit()
    require_seedable(database)  # MOVIES_SEED=off: an empty catalogue is intended.
    seed = new_fetch(lookup, SEEDING, None, None, now)
    with database() as uow:
        uow.fetches.add_many([dataclasses.replace(seed, is_seed=True)])
        uow.commit()
    with pytest.raises(Unavailable, match="rejected the API key"):
        require_seedable(database)
    with database() as uow:
        uow.movies.add(MovieFacts(title="Alien"))
        uow.commit()
    require_seedable(database)
