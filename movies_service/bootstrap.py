"""Where the service is put together: the one place that knows every part."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager, closing, suppress
from typing import Protocol

import structlog
from fastapi import FastAPI
from starlette.types import ASGIApp

from common.errors import MoviesError
from common.settings import Settings
from data_fetcher.bootstrap import build_seeding, open_omdb
from data_fetcher.fetcher_config import FetcherConfig
from data_fetcher.omdb.wish import Wish
from data_fetcher.progress import SeedingProgress
from data_fetcher.seeding import Seeding
from data_layer.database import Database
from data_layer.entities.movie import MovieFacts
from movies_service.app import EdgeOptions, create_app
from movies_service.edge.cache import CacheOptions
from movies_service.execution import run_in_thread, run_inline
from movies_service.metrics import CacheCounts, Metrics, RequestCounts
from movies_service.services import Services
from movies_service.use_cases.add_movie import AddMovie
from movies_service.use_cases.api_keys import ApiKeys
from movies_service.use_cases.movies import Movies

_log = structlog.get_logger(__name__)


class Upstream(Protocol):
    """What the service needs of a client of OMDb."""

    @property
    def attempts(self) -> Mapping[str, int]:
        """How many requests went out, by what came of them."""
        ...

    async def fetch(self, wish: Wish) -> MovieFacts:
        """Return the film that is wished for."""
        ...


def build_services(
    database: Database, omdb: Upstream, requests: RequestCounts, cache: CacheCounts
) -> Services:
    """Return the use cases on a database and a client of OMDb, and the counts of all."""
    movies = Movies(database.unit_of_work)
    metrics = Metrics(requests, lambda: cache, lambda: omdb.attempts, movies.count)
    return Services(
        movies=movies,
        add_movie=AddMovie(database.unit_of_work, omdb.fetch),
        api_keys=ApiKeys(database.unit_of_work),
        metrics=metrics,
        is_ready=database.is_current,
        read=run_inline if database.reads_are_short else run_in_thread,
        write=run_in_thread,
    )


def build_app(
    settings: Settings,
    config: FetcherConfig,
    database: Database,
    on_seeded: Callable[[], None] = lambda: None,
) -> ASGIApp:
    """Return the whole app; it opens OMDb and seeds when it starts.

    Args:
        settings: of the operator.
        config: which films are seeded, and how.
        database: with the newest schema; the caller closes it.
        on_seeded: called once when the first films are in, or were before.
    """
    requests, cache_counts = RequestCounts(), CacheCounts()

    @asynccontextmanager
    async def lifespan(api: FastAPI) -> AsyncIterator[None]:
        async with open_omdb(settings, config) as omdb:
            api.state.services = build_services(database, omdb, requests, cache_counts)
            if settings.seed == "off":
                on_seeded()
                yield
                return
            async with _in_background(_seed(build_seeding(database, omdb, config), on_seeded)):
                yield

    options = EdgeOptions(
        cors_origins=settings.cors_origins,
        max_body_bytes=settings.max_body_bytes,
        logs_requests=settings.access_log == "on",
        requests=requests,
        cache=_cache_options(settings, database.revision, requests, cache_counts),
    )
    return create_app(lifespan, options)


def _cache_options(
    settings: Settings,
    revision: Callable[[], int],
    requests: RequestCounts,
    counts: CacheCounts,
) -> CacheOptions | None:
    if settings.cache == "off":
        return None
    return CacheOptions(
        ttl_seconds=settings.cache_ttl_seconds,
        max_bytes=settings.cache_max_bytes,
        max_entries=settings.cache_max_entries,
        revision=revision,
        requests=requests,
        counts=counts,
    )


async def _seed(seeding: Seeding, on_seeded: Callable[[], None]) -> None:
    try:
        with closing(SeedingProgress()) as progress:
            report = await seeding.run(progress)
    except MoviesError as error:
        _log.error("seeding stopped; the next start goes on", reason=error.message)
        return
    if report.pending or report.failed:
        _log.warning(
            "some films were not seeded",
            stored=len(report.stored),
            not_at_omdb=[seed.title for seed in report.failed],
            tried_again_at_the_next_start=[seed.title for seed in report.pending],
        )
    on_seeded()


@asynccontextmanager
async def _in_background(work: Coroutine[None, None, None]) -> AsyncIterator[None]:
    """Run `work` beside the context; when that ends first, stop it at its next await."""
    task = asyncio.create_task(work)
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
