"""Where the service is put together: the one place that knows every part."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, closing, contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Protocol

import structlog
from fastapi import FastAPI
from starlette.types import ASGIApp

from common.executors import InThreads, run_inline
from common.settings import Settings
from common.shutdown import Stopping
from data_fetcher.bootstrap import (
    build_fetches,
    build_seeding,
    omdb_address,
    open_source,
)
from data_fetcher.embedded_worker import work_for_service
from data_fetcher.fetch_queue.queue import Fetches
from data_fetcher.notifiers.selection import announcing, ring_for_nobody
from data_fetcher.object_stores.factory import name_of
from data_fetcher.omdb.admission import Purpose
from data_fetcher.omdb.lookups import Wish
from data_fetcher.seeding.config import FetcherConfig
from data_fetcher.throttling.admission_controller import UpstreamCare
from data_fetcher.throttling.daily_quota import Quota
from data_fetcher.workers.fetch_worker import Source
from data_fetcher.workers.worker_process import WorkerBeside
from data_layer.database import Database
from data_layer.entities.movie import MovieFacts
from movies_service.accounts.api_keys import ApiKeys
from movies_service.accounts.login import SignIn
from movies_service.accounts.sessions import Sessions
from movies_service.accounts.signing_keys import SigningKeys
from movies_service.accounts.users import Users
from movies_service.api.dependencies.use_cases import DEFAULT_POLICY, Policy, Services
from movies_service.app import EdgeOptions, create_app
from movies_service.rate_limiting.rate_limits import NO_LIMITS, Limits, build_limits
from movies_service.rate_limiting.window_counters import Windows
from movies_service.response_cache.options import CacheOptions, Revision
from movies_service.startup import Preparation, prepare
from movies_service.telemetry.collector import Counts, Metrics
from movies_service.telemetry.multiprocess import SharedCounts
from movies_service.use_cases.add_movie import AddMovie
from movies_service.use_cases.audit import Audit
from movies_service.use_cases.idempotency import KeptAnswers
from movies_service.use_cases.ingests import Ingests
from movies_service.use_cases.movies import Movies
from movies_service.use_cases.pubsub_push import PushedFetches, PushTokens
from movies_service.use_cases.refresh_movie import RefreshMovie
from movies_service.use_cases.request_fetches import FetchMovies
from movies_service.use_cases.upstream_status import UpstreamState

_log = structlog.get_logger(__name__)


WORKER_END_SECONDS = 7.5
"""How long the worker gets to end; see `data_fetcher.workers.fetch_worker.STOP_SECONDS`."""


class Upstream(Protocol):
    """What the service needs of a client of OMDb."""

    @property
    def attempts(self) -> Counter[str]:
        """How many requests went out, by what came of them."""
        ...

    async def fetch(self, wish: Wish, purpose: Purpose = Purpose.DIRECT) -> MovieFacts:
        """Return the film that is wished for."""
        ...


@dataclass(frozen=True, slots=True)
class Fetching:
    """What the service works with where films come in.

    Args:
        fetches: the wishes.
        care: knows the quota of OMDb, and whether it serves.
        push: checks what Pub/Sub pushes; `None` where nothing is pushed.
        concurrency: how many pushed films are asked for at once.
        ingest_source: the bucket or folder from which others update films; `None` where none is.
        stopping: tells when nobody may be kept waiting any more.
    """

    fetches: Fetches
    care: UpstreamCare
    push: PushTokens | None = None
    concurrency: int = 25
    ingest_source: str | None = None
    stopping: Stopping = field(default_factory=Stopping)


@contextmanager
def built_services(
    database: Database,
    omdb: Upstream,
    counts: Callable[[], Counts],
    policy: Policy = DEFAULT_POLICY,
    limits: Limits = NO_LIMITS,
    fetching: Fetching | None = None,
) -> Iterator[Services]:
    """Give the use cases on a database and a client of OMDb.

    Reads and writes have threads of their own: those that wait for a lock keep no reader waiting.
    """
    options = database.options
    unit_of_work = database.unit_of_work
    fetching = fetching or Fetching(Fetches(unit_of_work), UpstreamCare(unit_of_work, Quota()))
    fetches, care = fetching.fetches, fetching.care
    upstream = UpstreamState(care, fetches)
    source = Source(omdb.fetch, care, fetching.concurrency)
    ingests = Ingests(unit_of_work, fetching.ingest_source)
    movies = Movies(unit_of_work)
    signing_keys = SigningKeys(unit_of_work, policy.jwt_secrets)
    sessions = Sessions(unit_of_work, signing_keys)
    with (
        closing(InThreads(options.pool_size, options.deadline_seconds)) as read,
        closing(InThreads(options.pool_size, options.deadline_seconds)) as write,
    ):
        reads = run_inline if database.reads_are_short else read
        yield Services(
            movies=movies,
            add_movie=AddMovie(unit_of_work, fetches, omdb.fetch, write, limits.adds),
            refresh_movie=RefreshMovie(movies, omdb.fetch, write, limits.adds),
            fetch_movies=FetchMovies(fetches, reads, write, fetching.stopping, limits.adds),
            ingests=ingests,
            upstream=upstream,
            pushed=_pushed(fetching, source),
            api_keys=ApiKeys(unit_of_work),
            users=Users(unit_of_work),
            sessions=sessions,
            sign_in=SignIn(sessions, limits.logins, reads, write),
            audit=Audit(unit_of_work),
            kept_answers=KeptAnswers(unit_of_work, signing_keys),
            limits=limits,
            metrics=Metrics(counts, movies.count, upstream.look, ingests.look),
            is_ready=database.is_current,
            policy=policy,
            read=reads,
            write=write,
        )


def build_app(
    settings: Settings,
    config: FetcherConfig,
    database: Database,
    preparation: Preparation | None = None,
    counts_folder: Path | None = None,
    stopping: Stopping | None = None,
) -> ASGIApp:
    """Return the whole app; it opens OMDb when it starts.

    Args:
        settings: of the operator.
        config: which films are seeded, and how.
        database: the catalogue; the caller closes it.
        preparation: is done beside serving; `None` where another process does it, and whatever
            else is done once for the service.
        counts_folder: where the processes of the service leave what they have counted.
        stopping: is set when the service is about to stop.
    """
    counts = Counts()
    stopping = stopping or Stopping()
    limits = build_limits(settings)

    @asynccontextmanager
    async def lifespan(api: FastAPI) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            address = await stack.enter_async_context(omdb_address(settings))
            omdb, care = await stack.enter_async_context(
                open_source(settings, config, database, address)
            )
            worker = None
            if settings.fetch_engine == "embedded" and preparation is not None:
                worker = WorkerBeside(partial(work_for_service, settings, config, address))
                stopping.call(worker.stop)
            announce = await stack.enter_async_context(
                announcing(settings, worker.ring if worker else ring_for_nobody)
            )
            fetches = build_fetches(settings, database, announce)
            source = settings.ingest_source and name_of(settings.ingest_source)
            fetching = Fetching(
                fetches, care, _push(settings), config.concurrency, source, stopping
            )
            seeding = build_seeding(database, omdb, config) if settings.seed == "on" else None
            policy = Policy(
                adding_requires_key=settings.add_requires_key == "on",
                adding_is_async=settings.add_async == "on",
                omdb_pace=settings.omdb_pace,
                key_grace_seconds=settings.key_grace_seconds,
                jwt_secrets=settings.find_jwt_secrets(),
            )

            def count() -> Counts:
                by_worker = worker.attempts if worker else Counter()
                counts.upstream_attempts = omdb.attempts + by_worker
                return counts

            shared = SharedCounts(count, counts_folder)
            with (
                built_services(database, omdb, shared.total, policy, limits, fetching) as services,
                database.revision.watched(),
            ):
                api.state.services = services
                async with (
                    _closing(limits.windows),
                    _in_background(shared.publish()),
                    _working(worker),
                    _in_background(prepare(database, care, seeding, preparation)),
                ):
                    yield
                    stopping.set()

    options = EdgeOptions(
        cors_origins=settings.cors_origins,
        max_body_bytes=settings.max_body_bytes,
        request_timeout_seconds=settings.request_timeout_seconds,
        logs_requests=settings.access_log == "on",
        requests=counts.requests,
        cache=_cache_options(settings, database.revision, counts),
        limits=limits,
    )
    return create_app(lifespan, options)


def _cache_options(
    settings: Settings,
    revision: Revision,
    counts: Counts,
) -> CacheOptions | None:
    if settings.cache == "off":
        return None
    return CacheOptions(
        ttl_seconds=settings.cache_ttl_seconds,
        stale_seconds=settings.cache_stale_seconds,
        max_bytes=settings.cache_max_bytes,
        max_entries=settings.cache_max_entries,
        revision=revision,
        requests=counts.requests,
        counts=counts.cache,
    )


def _pushed(fetching: Fetching, source: Source) -> PushedFetches | None:
    if fetching.push is None:
        return None
    return PushedFetches(fetching.push, fetching.fetches, source)


def _push(settings: Settings) -> PushTokens | None:
    audience, email = settings.pubsub_push_audience, settings.pubsub_push_email
    if audience is None or email is None:
        return None
    return PushTokens(audience, email, settings.pubsub_certs_url)


@asynccontextmanager
async def _closing(windows: Windows) -> AsyncIterator[None]:
    try:
        yield
    finally:
        await windows.close()


@asynccontextmanager
async def _working(worker: WorkerBeside | None) -> AsyncIterator[None]:
    """Have a worker work beside the context; at its end it finishes what it has in hand."""
    if worker is None:
        yield
        return
    worker.start()
    try:
        yield
    finally:
        worker.stop()
        await asyncio.to_thread(worker.join, WORKER_END_SECONDS)


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
