"""Recovery of queued fetches from each fault of OMDb: client, circuit breaker and queue together.

The database is the fake one and its clock too: pauses take no time.
"""

import asyncio
import datetime as dt

import pytest

from common.errors import MoviesError
from data_fetcher.emulator.movies import load_movies
from data_fetcher.emulator.server import Emulator, EmulatorOptions
from data_fetcher.fetch_queue.completion import DELAY_SECONDS, Outcome
from data_fetcher.fetch_queue.deduplication_key import Requester, lookup_of
from data_fetcher.fetch_queue.queue import FetchQueue
from data_fetcher.omdb.admission import Purpose
from data_fetcher.omdb.client import OmdbClient, OmdbClientConfig
from data_fetcher.omdb.lookups import ImdbIdLookup
from data_fetcher.throttling.admission_controller import UpstreamAdmission
from data_fetcher.throttling.daily_quota import Quota
from data_layer.entities.fetch import Fetch, FetchQuery, FetchState
from data_layer.testing.fakes.unit_of_work import FakeDatabase

FETCHES = 12
ROUNDS_MAX = 30
QUICK = OmdbClientConfig(attempt_seconds=0.5, attempts=1)
"""Limits for a fault that ends in a timeout."""


class World:
    """Queue, client and circuit breaker of one process, with a fake clock."""

    def __init__(self, url: str, config: OmdbClientConfig) -> None:
        self.now = dt.datetime(2026, 11, 21, 0, tzinfo=dt.UTC)
        database = FakeDatabase()
        self.fetches = FetchQueue(database, clock=lambda: self.now)
        self.admission = UpstreamAdmission(database, Quota(), clock=lambda: self.now)
        self.client = OmdbClient(
            url, "key", config, admission=self.admission, sleep=_sleep_not, jitter=lambda: 0
        )

    async def work(self) -> None:
        """Fetch all that is due; settle the outcomes when the last one is known, as one batch."""
        claimed = self.fetches.claim(FETCHES)
        outcomes = await asyncio.gather(*map(self._fetch, claimed))
        pause = self.admission.seconds_until_admitted(Purpose.BACKGROUND)
        self.fetches.complete(
            list(zip(claimed, outcomes, strict=True)), seconds_until_admitted=pause
        )

    async def _fetch(self, fetch: Fetch) -> Outcome:
        try:
            return await self.client.fetch(lookup_of(fetch), Purpose.BACKGROUND)
        except MoviesError as error:
            return error

    def end_pause(self) -> None:
        pause = self.admission.seconds_until_admitted(Purpose.BACKGROUND)
        self.now += dt.timedelta(seconds=max(pause, DELAY_SECONDS))


async def _sleep_not(_seconds: float) -> None:
    """Return at once."""


@pytest.mark.parametrize(
    ("fault", "faulty_requests", "first_pause", "longest_pause"),
    [  # More faulty requests than are in flight together: probes fail too, before OMDb has healed.
        ("bad-key", 30, 60, 3_600),
        ("quota", 30, 3_600, 3_600),
        ("hang", 15, 10, 300),
        ("html-200", 30, 10, 300),
        ("html-500", 30, 10, 300),
        ("html-503", 30, 10, 300),
        ("rate-limited", 30, 10, 300),
        ("reset", 30, 10, 300),
        ("retry-later", 30, 10, 300),
        ("something-wrong", 30, 10, 300),
        ("truncated", 30, 10, 300),
    ],
)
def test_all_queued_fetches_are_fetched_after_omdb_has_healed(
    fault: str, faulty_requests: int, first_pause: int, longest_pause: int
) -> None:
    async def scenario() -> None:
        movies = load_movies()
        options = EmulatorOptions(fault=fault, fault_first=faulty_requests, latency_ms=5)
        async with Emulator(movies, options).running() as url:
            world = World(url, QUICK if fault == "hang" else OmdbClientConfig())
            async with world.client:
                world.fetches.enqueue(
                    [ImdbIdLookup(movie.imdb_id) for movie in movies[:FETCHES]], Requester()
                )
                await world.work()
                pauses = [world.admission.seconds_until_admitted(Purpose.BACKGROUND)]
                for _ in range(ROUNDS_MAX):
                    world.end_pause()
                    await world.work()
                    pauses.append(world.admission.seconds_until_admitted(Purpose.BACKGROUND))
                fetched = world.fetches.list(FetchQuery(state=FetchState.FETCHED))
                assert len(fetched) == FETCHES
                assert (pauses[0], pauses[-1]) == (first_pause, 0)
                assert max(pauses) <= longest_pause

    asyncio.run(scenario())
