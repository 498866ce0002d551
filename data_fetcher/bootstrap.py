"""Composition root of everything that fetches movies."""

from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from functools import partial

import structlog
from aiolimiter import AsyncLimiter

from common.errors import MoviesError, NotFound, UpstreamUnauthorized
from common.rates import Rate
from common.settings import Settings
from common.shutdown import ShutdownSignal
from common.wake_up import WakeUpEvent
from data_fetcher.emulator.movies import load_movies
from data_fetcher.emulator.server import Emulator
from data_fetcher.fetch_queue.deduplication import NEGATIVE_CACHE_HOURS
from data_fetcher.fetch_queue.movie_source import MovieSource
from data_fetcher.fetch_queue.queue import FetchQueue, Notify, notify_none
from data_fetcher.omdb.admission import Purpose
from data_fetcher.omdb.client import OmdbClient, OmdbClientConfig
from data_fetcher.omdb.lookups import ImdbIdLookup, MovieLookup
from data_fetcher.seeding.config import FetcherConfig
from data_fetcher.seeding.seeder import Seeder
from data_fetcher.throttling.admission_controller import UpstreamAdmission
from data_fetcher.throttling.daily_quota import Quota
from data_fetcher.workers.fetch_worker import POLL_SECONDS, FetchWorker
from data_fetcher.workers.refresher import MovieRefresher
from data_layer.database import Database
from data_layer.entities.movie import MovieFacts
from data_layer.entities.movie_query import MovieQuery

EMULATOR_KEY = "bundled-emulator"
"""API key that is sent to the bundled emulator, which accepts any."""

_log = structlog.get_logger(__name__)


class EmulatedOmdbClient(OmdbClient):
    """Client of the bundled emulator; its errors point to the real OMDb."""

    async def fetch(
        self, lookup: MovieLookup, purpose: Purpose = Purpose.INTERACTIVE
    ) -> MovieFacts:
        """Return the requested movie; see `OmdbClient.fetch`."""
        try:
            return await super().fetch(lookup, purpose)
        except NotFound:
            raise NotFound(
                "The bundled emulator of OMDb has no such movie: set OMDB_API_KEY to reach OMDb."
            ) from None


@dataclass(frozen=True, slots=True)
class OmdbEndpoint:
    """URL and API key of OMDb or of the emulator, and the client class for it."""

    url: str
    key: str = field(repr=False)
    client: type[OmdbClient] = OmdbClient


@asynccontextmanager
async def omdb_endpoint(settings: Settings) -> AsyncIterator[OmdbEndpoint]:
    """Yield the endpoint of OMDb; without an API key, that of an emulator on loopback.

    The emulator runs within the context.

    Raises:
        InvalidSetting: The file with the API key can't be read.
    """
    if (key := settings.read_omdb_key()) is not None:
        yield OmdbEndpoint(settings.omdb_url, key)
        return
    async with Emulator(load_movies()).running() as url:
        _log.info("omdb_emulator_started", url=url)
        yield OmdbEndpoint(url, EMULATOR_KEY, EmulatedOmdbClient)


@asynccontextmanager
async def open_omdb_client(
    settings: Settings,
    config: FetcherConfig,
    database: Database,
    endpoint: OmdbEndpoint | None = None,
) -> AsyncIterator[tuple[OmdbClient, UpstreamAdmission]]:
    """Yield an OMDb client and its admission control; on exit, unused quota is returned.

    Requests to the emulator have no quota. Without an endpoint, `omdb_endpoint` is opened.
    """
    async with AsyncExitStack() as stack:
        if endpoint is None:
            endpoint = await stack.enter_async_context(omdb_endpoint(settings))
        is_limited = endpoint.client is OmdbClient and settings.omdb_daily_limit != "off"
        admission = UpstreamAdmission(
            database.unit_of_work,
            Quota(
                int(settings.omdb_daily_limit) if is_limited else None,
                settings.omdb_interactive_reserve,
            ),
            _rate_limiter(settings.omdb_rate_limit),
        )
        stack.push_async_callback(admission.close)
        client_config = OmdbClientConfig(
            concurrency=config.concurrency,
            connect_seconds=config.timeouts.connect_seconds,
            attempt_seconds=config.timeouts.attempt_seconds,
            total_seconds=config.timeouts.total_seconds,
            attempts=config.attempts,
        )
        client = endpoint.client(endpoint.url, endpoint.key, client_config, admission=admission)
        yield await stack.enter_async_context(client), admission


async def require_accepted_key(
    settings: Settings, config: FetcherConfig, database: Database
) -> None:
    """Ask OMDb for the first seed movie if the catalogue is to be seeded and has no movie yet.

    It costs one request of the daily quota. Other failures of OMDb are left to the seeding.

    Raises:
        UpstreamUnauthorized: OMDb rejected the API key.
    """
    if settings.seed == "off" or settings.read_omdb_key() is None:
        return
    with database.unit_of_work(is_read_only=True) as uow:
        if uow.movies.list(MovieQuery(limit=1)).movies:
            return
    async with open_omdb_client(settings, config, database) as (omdb, admission):
        await admission.clear_rejected_key()
        try:
            await omdb.fetch(ImdbIdLookup(config.movies[0].imdb_id), Purpose.SEED)
        except UpstreamUnauthorized:
            raise
        except MoviesError as error:
            _log.debug("omdb_key_not_checked", reason=error.message)


@asynccontextmanager
async def open_worker(
    settings: Settings,
    config: FetcherConfig,
    database: Database,
    endpoint: OmdbEndpoint,
    shutdown: ShutdownSignal,
    attempts: Counter[str],
) -> AsyncIterator[FetchWorker]:
    """Yield the worker that the service embeds; its OMDb client updates `attempts` in place."""
    async with open_omdb_client(settings, config, database, endpoint) as (omdb, admission):
        omdb.attempts = attempts
        fetches = build_fetch_queue(settings, database)
        source = build_movie_source(settings, config, omdb, admission)
        yield build_worker(fetches, source, WakeUpEvent(), database, shutdown)


def build_fetch_queue(
    settings: Settings, database: Database, notify: Notify = notify_none
) -> FetchQueue:
    """Return the fetch queue; movies that the emulator lacks are not negatively cached."""
    hours = NEGATIVE_CACHE_HOURS if settings.read_omdb_key() is not None else ()
    return FetchQueue(
        database.unit_of_work,
        notify,
        negative_cache_hours=hours,
        lease_seconds=settings.fetch_lease_seconds,
    )


def build_worker(
    fetches: FetchQueue,
    source: MovieSource,
    wake_up_event: WakeUpEvent,
    database: Database,
    shutdown: ShutdownSignal,
    poll_seconds: float = POLL_SECONDS,
) -> FetchWorker:
    """Return a worker that fetches requested movies and refreshes outdated ones when idle."""
    refresher = MovieRefresher(database.unit_of_work, source)
    return FetchWorker(
        fetches,
        source,
        wake_up_event,
        shutdown,
        when_idle=refresher.run,
        poll_seconds=poll_seconds,
    )


def build_movie_source(
    settings: Settings, config: FetcherConfig, omdb: OmdbClient, admission: UpstreamAdmission
) -> MovieSource:
    """Return OMDb as a source for a worker, its concurrency limited to what the rate permits."""
    rate_limiter = _rate_limiter(settings.omdb_rate_limit)
    concurrency = config.concurrency
    if rate_limiter is not None:
        concurrency = max(1, min(concurrency, _movies_per_attempt(rate_limiter, config)))
    return MovieSource(omdb.fetch, admission, concurrency)


def build_seeder(
    database: Database, fetches: FetchQueue, source: MovieSource, config: FetcherConfig
) -> Seeder:
    """Return the seeder of the movies in the configuration."""
    try_lock = partial(database.try_lock, "seeding")
    return Seeder(database.unit_of_work, fetches, source, config.movies, try_lock)


def _rate_limiter(text: str) -> AsyncLimiter | None:
    """Return a rate limiter for a rate such as `10/second`; None for `off`."""
    rate = Rate.parse(text)
    return None if rate is None else AsyncLimiter(rate.amount, rate.seconds)


def _movies_per_attempt(rate_limiter: AsyncLimiter, config: FetcherConfig) -> int:
    """Return how many requests the rate limiter admits within the timeout of one attempt."""
    return int(rate_limiter.max_rate / rate_limiter.time_period * config.timeouts.attempt_seconds)
