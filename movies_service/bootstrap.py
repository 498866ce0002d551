"""Where the service is put together: the one place that knows every part."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager, closing, suppress

import structlog
from fastapi import FastAPI
from starlette.types import ASGIApp

from common.errors import MoviesError
from common.settings import Settings
from data_fetcher.bootstrap import build_seeding, open_omdb
from data_fetcher.fetcher_config import FetcherConfig
from data_fetcher.omdb.client import OmdbClient
from data_fetcher.progress import SeedingProgress
from data_fetcher.seeding import Seeding
from data_layer.database import Database
from movies_service.app import EdgeOptions, create_app
from movies_service.edge.cache import CacheOptions
from movies_service.execution import run_in_thread, run_inline
from movies_service.services import Services
from movies_service.use_cases.add_movie import AddMovie
from movies_service.use_cases.api_keys import ApiKeys
from movies_service.use_cases.movies import Movies

_log = structlog.get_logger(__name__)


def build_services(database: Database, omdb: OmdbClient) -> Services:
    """Return the use cases on a database and a client of OMDb."""
    return Services(
        movies=Movies(database.unit_of_work),
        add_movie=AddMovie(database.unit_of_work, omdb.fetch),
        api_keys=ApiKeys(database.unit_of_work),
        is_ready=database.is_current,
        read=run_inline,
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

    @asynccontextmanager
    async def lifespan(api: FastAPI) -> AsyncIterator[None]:
        async with open_omdb(settings, config) as omdb:
            api.state.services = build_services(database, omdb)
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
        cache=_cache_options(settings),
        revision=database.revision,
    )
    return create_app(lifespan, options)


def _cache_options(settings: Settings) -> CacheOptions | None:
    if settings.cache == "off":
        return None
    return CacheOptions(
        ttl_seconds=settings.cache_ttl_seconds,
        max_bytes=settings.cache_max_bytes,
        max_entries=settings.cache_max_entries,
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
