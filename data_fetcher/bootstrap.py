"""Where the parts that fetch films are put together."""

from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from functools import partial

import structlog
from aiolimiter import AsyncLimiter

from common.errors import NotFound
from common.settings import Settings
from common.wake_up import Bell
from data_fetcher.emulator.movies import load_films
from data_fetcher.emulator.server import Emulator
from data_fetcher.fetch_queue.deduplication import ABSENCE_HOURS
from data_fetcher.fetch_queue.queue import Announce, Fetches, announce_to_nobody
from data_fetcher.omdb.admission import Purpose
from data_fetcher.omdb.client import ClientLimits, OmdbClient
from data_fetcher.omdb.lookups import Wish
from data_fetcher.seeding.config import FetcherConfig
from data_fetcher.seeding.seeder import Seeding
from data_fetcher.throttling.admission_controller import UpstreamCare
from data_fetcher.throttling.daily_quota import Quota
from data_fetcher.workers.fetch_worker import POLL_SECONDS, FetchWorker, Source
from data_fetcher.workers.refresher import Refreshing
from data_layer.database import Database
from data_layer.entities.movie import MovieFacts
from data_layer.entities.seed import Seed

EMULATOR_KEY = "bundled-emulator"
"""The bundled emulator takes any key."""

_SECONDS = {"second": 1, "minute": 60, "hour": 3_600, "day": 86_400}

_log = structlog.get_logger(__name__)


class EmulatedOmdbClient(OmdbClient):
    """A client of the bundled emulator, which says where more films are."""

    async def fetch(self, wish: Wish, purpose: Purpose = Purpose.DIRECT) -> MovieFacts:
        """Return the film that is wished for; see `OmdbClient.fetch`."""
        try:
            return await super().fetch(wish, purpose)
        except NotFound:
            raise NotFound(
                "The bundled emulator of OMDb has no such movie: set OMDB_API_KEY to reach OMDb."
            ) from None


@dataclass(frozen=True, slots=True)
class Address:
    """Where OMDb is, or the emulator in its place."""

    url: str
    key: str = field(repr=False)
    client: type[OmdbClient] = OmdbClient


@asynccontextmanager
async def omdb_address(settings: Settings) -> AsyncIterator[Address]:
    """Give where OMDb is; without a key, an emulator that is started on loopback.

    Raises:
        InvalidSetting: the key's file can't be read.
    """
    if (key := settings.find_omdb_key()) is not None:
        yield Address(settings.omdb_url, key)
        return
    async with Emulator(load_films()).running() as url:
        _log.info("OMDB_API_KEY is not set: films come from the bundled emulator", url=url)
        yield Address(url, EMULATOR_KEY, EmulatedOmdbClient)


@asynccontextmanager
async def open_source(
    settings: Settings, config: FetcherConfig, database: Database, address: Address | None = None
) -> AsyncIterator[tuple[OmdbClient, UpstreamCare]]:
    """Give a client of OMDb that is careful, and what takes care.

    Args:
        settings: of the operator.
        config: how OMDb is asked.
        database: in which the quota is kept.
        address: of OMDb, where it is known already.
    """
    async with AsyncExitStack() as stack:
        if address is None:
            address = await stack.enter_async_context(omdb_address(settings))
        is_limited = address.client is OmdbClient and settings.omdb_daily_limit != "off"
        care = UpstreamCare(
            database.unit_of_work,
            Quota(
                int(settings.omdb_daily_limit) if is_limited else None,
                settings.omdb_daily_reserve,
            ),
            _pace(settings.omdb_pace),
        )
        stack.push_async_callback(care.close)
        limits = ClientLimits(
            concurrency=config.concurrency,
            connect_seconds=config.timeouts.connect_seconds,
            attempt_seconds=config.timeouts.attempt_seconds,
            total_seconds=config.timeouts.total_seconds,
            attempts=config.attempts,
        )
        client = address.client(address.url, address.key, limits, care=care)
        yield await stack.enter_async_context(client), care


@asynccontextmanager
async def open_worker(
    settings: Settings,
    config: FetcherConfig,
    database: Database,
    address: Address,
    attempts: Counter[str],
) -> AsyncIterator[FetchWorker]:
    """Give a worker of the service itself.

    Args:
        settings: of the operator.
        config: how OMDb is asked.
        database: of the wishes.
        address: of OMDb.
        attempts: counts how many requests it sends, by what came of them.
    """
    async with open_source(settings, config, database, address) as (omdb, care):
        omdb.attempts = attempts
        fetches = build_fetches(settings, database)
        yield build_worker(fetches, build_source(settings, config, omdb, care), Bell(), database)


def build_fetches(
    settings: Settings, database: Database, announce: Announce = announce_to_nobody
) -> Fetches:
    """Return the wishes; what the emulator does not have is asked for again at once."""
    hours = ABSENCE_HOURS if settings.find_omdb_key() is not None else ()
    return Fetches(
        database.unit_of_work,
        announce,
        absence_hours=hours,
        lease_seconds=settings.fetch_lease_seconds,
    )


def build_worker(
    fetches: Fetches,
    source: Source,
    bell: Bell,
    database: Database,
    poll_seconds: float = POLL_SECONDS,
) -> FetchWorker:
    """Return a worker that fetches what was wished for, and films again that have grown old."""
    refreshing = Refreshing(database.unit_of_work, source)
    return FetchWorker(fetches, source, bell, when_idle=refreshing.run, poll_seconds=poll_seconds)


def build_source(
    settings: Settings, config: FetcherConfig, omdb: OmdbClient, care: UpstreamCare
) -> Source:
    """Return OMDb, as a worker asks it: never more films at once than the pace lets through."""
    pace = _pace(settings.omdb_pace)
    by_pace = config.concurrency if pace is None else _films_in_time(pace, config)
    return Source(omdb.fetch, care, max(1, min(config.concurrency, by_pace)))


def build_seeding(database: Database, omdb: OmdbClient, config: FetcherConfig) -> Seeding:
    """Return the seeding of the films that the configuration lists."""
    return Seeding(
        unit_of_work=database.unit_of_work,
        fetch=partial(omdb.fetch, purpose=Purpose.SEED),
        plan=[Seed(movie.imdb_id, movie.title) for movie in config.movies],
        try_lock=partial(database.try_lock, "seeding"),
        concurrency=config.concurrency,
    )


def _pace(text: str) -> AsyncLimiter | None:
    """Return what holds to a rate such as `10/second`; nothing for `off`."""
    if text == "off":
        return None
    amount, _, unit = text.partition("/")
    return AsyncLimiter(int(amount), _SECONDS[unit])


def _films_in_time(pace: AsyncLimiter, config: FetcherConfig) -> int:
    """Return how many films the pace lets through while one is fetched."""
    return int(pace.max_rate / pace.time_period * config.timeouts.attempt_seconds)
