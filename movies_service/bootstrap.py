"""Composition root: builds the service from its settings, adapters and use cases."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager, closing, contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Protocol

import structlog
from fastapi import FastAPI
from starlette.types import ASGIApp

from common.executors import ThreadPoolCallExecutor, run_inline
from common.settings import Settings
from common.shutdown import ShutdownSignal
from data_fetcher.bootstrap import (
    build_fetch_queue,
    build_movie_source,
    build_seeder,
    omdb_endpoint,
    open_omdb_client,
)
from data_fetcher.embedded_worker import run_embedded_worker
from data_fetcher.fetch_queue.movie_source import MovieSource
from data_fetcher.fetch_queue.queue import FetchQueue
from data_fetcher.notifiers.selection import ignore_wake_up, open_notifier
from data_fetcher.object_stores.factory import normalized_url
from data_fetcher.omdb.admission import Purpose
from data_fetcher.omdb.lookups import MovieLookup
from data_fetcher.seeding.config import FetcherConfig
from data_fetcher.throttling.admission_controller import UpstreamAdmission
from data_fetcher.throttling.daily_quota import Quota
from data_fetcher.workers.worker_process import WorkerProcess
from data_layer.database import Database
from data_layer.entities.movie import MovieFacts
from movies_service.accounts.api_keys import ApiKeys
from movies_service.accounts.login import Login
from movies_service.accounts.sessions import Sessions
from movies_service.accounts.signing_keys import SigningKeys
from movies_service.accounts.users import Users
from movies_service.api.dependencies.use_cases import DEFAULT_POLICY, Policy, UseCases
from movies_service.app import MiddlewareOptions, create_app, is_cacheable
from movies_service.rate_limiting.rate_limits import NO_LIMITS, RateLimits, build_limits
from movies_service.response_cache.options import CacheOptions, Revision
from movies_service.startup import StartupCallbacks, prepare
from movies_service.telemetry.collector import Metrics
from movies_service.telemetry.counters import ProcessCounters
from movies_service.telemetry.multiprocess import MultiprocessCounters
from movies_service.use_cases.add_movie import AddMovie
from movies_service.use_cases.audit import Audit
from movies_service.use_cases.idempotency import IdempotencyStore
from movies_service.use_cases.ingests import IngestHistory
from movies_service.use_cases.movies import Movies
from movies_service.use_cases.omdb_allowance import OmdbAllowance
from movies_service.use_cases.pubsub_push import PushHandler, PushTokenVerifier
from movies_service.use_cases.readiness import Readiness, require_seedable
from movies_service.use_cases.refresh_movie import RefreshMovie
from movies_service.use_cases.request_fetches import RequestFetches
from movies_service.use_cases.upstream_status import GetUpstreamStatus

_log = structlog.get_logger(__name__)


class OmdbFetcher(Protocol):
    """Client of OMDb, as the service requires it."""

    @property
    def attempts(self) -> Counter[str]:
        """Number of requests to OMDb by outcome."""
        ...

    async def fetch(
        self, lookup: MovieLookup, purpose: Purpose = Purpose.INTERACTIVE
    ) -> MovieFacts:
        """Return the movie of a lookup."""
        ...


@dataclass(frozen=True, slots=True)
class FetchingDependencies:
    """Dependencies of the use cases that add movies.

    Args:
        push_tokens: verifies Pub/Sub push requests; `None` disables the push endpoint.
        concurrency: limit of concurrent OMDb requests of push messages.
        ingest_source: URL of the bucket or folder with movie updates; `None` disables ingestion.
    """

    fetches: FetchQueue
    admission: UpstreamAdmission
    push_tokens: PushTokenVerifier | None = None
    concurrency: int = 25
    ingest_source: str | None = None
    shutdown: ShutdownSignal = field(default_factory=ShutdownSignal)


@contextmanager
def built_use_cases(
    database: Database,
    omdb: OmdbFetcher,
    counts: Callable[[], ProcessCounters],
    policy: Policy = DEFAULT_POLICY,
    limits: RateLimits = NO_LIMITS,
    fetching: FetchingDependencies | None = None,
) -> Iterator[UseCases]:
    """Yield the use cases on a database and a client of OMDb.

    Reads and writes have separate thread pools, so that writers waiting for a lock do not delay
    readers.
    """
    options = database.options
    unit_of_work = database.unit_of_work
    fetching = fetching or FetchingDependencies(
        FetchQueue(unit_of_work), UpstreamAdmission(unit_of_work, Quota())
    )
    fetches, admission = fetching.fetches, fetching.admission
    upstream = GetUpstreamStatus(admission, fetches)
    source = MovieSource(omdb.fetch, admission, fetching.concurrency)
    ingests = IngestHistory(unit_of_work, fetching.ingest_source)
    movies = Movies(unit_of_work)
    signing_keys = SigningKeys(unit_of_work, policy.jwt_secrets)
    sessions = Sessions(unit_of_work, signing_keys)
    allowance = OmdbAllowance(limits.adds, limits.omdb_share)

    def check_reads() -> None:
        database.require_readable()
        require_seedable(unit_of_work)

    with (
        closing(ThreadPoolCallExecutor(options.pool_size, options.deadline_seconds)) as read,
        closing(ThreadPoolCallExecutor(options.pool_size, options.deadline_seconds)) as write,
        closing(Readiness(check_reads, database.require_writable)) as readiness,
        ThreadPoolExecutor(1, thread_name_prefix="render") as render,
    ):
        reads = run_inline if database.reads_are_short else read
        yield UseCases(
            movies=movies,
            add_movie=AddMovie(unit_of_work, fetches, omdb.fetch, write, allowance),
            refresh_movie=RefreshMovie(movies, omdb.fetch, write, allowance),
            request_fetches=RequestFetches(fetches, reads, write, fetching.shutdown, allowance),
            ingest_history=ingests,
            upstream_status=upstream,
            push_handler=_build_push_handler(fetching, source),
            api_keys=ApiKeys(unit_of_work),
            users=Users(unit_of_work),
            sessions=sessions,
            login=Login(sessions, limits.logins, read, write),
            audit=Audit(unit_of_work),
            idempotency=IdempotencyStore(unit_of_work, signing_keys),
            limits=limits,
            metrics=Metrics(counts, movies.count, upstream.run, ingests.get_status),
            readiness=readiness,
            policy=policy,
            read=reads,
            long_read=read,
            write=write,
            render=render,
        )


def build_app(
    settings: Settings,
    config: FetcherConfig,
    database: Database,
    startup: StartupCallbacks | None = None,
    counts_folder: Path | None = None,
    shutdown: ShutdownSignal | None = None,
) -> ASGIApp:
    """Return the complete app; its lifespan opens the OMDb client.

    With callbacks, this process runs the startup tasks and the embedded worker. The processes
    publish their counters in `counts_folder`, which is `None` for one process. The app triggers the
    shutdown signal when its lifespan ends; the caller closes the database.
    """
    counts = ProcessCounters()
    shutdown = shutdown or ShutdownSignal()
    limits = build_limits(settings)

    @asynccontextmanager
    async def lifespan(api: FastAPI) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            stack.push_async_callback(limits.counters.close)
            address = await stack.enter_async_context(omdb_endpoint(settings))
            omdb, admission = await stack.enter_async_context(
                open_omdb_client(settings, config, database, address)
            )
            worker = None
            if settings.fetch_backend == "embedded" and startup is not None:
                worker = WorkerProcess(partial(run_embedded_worker, settings, config, address))
                shutdown.on_shutdown(worker.stop)
            notify = await stack.enter_async_context(
                open_notifier(settings, worker.wake_up if worker else ignore_wake_up)
            )
            fetches = build_fetch_queue(settings, database, notify)
            source = settings.ingest_source and normalized_url(settings.ingest_source)
            fetching = FetchingDependencies(
                fetches,
                admission,
                _build_token_verifier(settings),
                config.concurrency,
                source,
                shutdown,
            )
            seeder = None
            if settings.seed == "on":
                seeds = build_movie_source(settings, config, omdb, admission)
                seeder = build_seeder(database, fetches, seeds, config)
            policy = Policy(
                adding_requires_authentication=settings.add_requires_authentication == "on",
                adding_is_async=settings.add_async == "on",
                omdb_rate_limit=settings.omdb_rate_limit,
                api_key_grace_seconds=settings.api_key_grace_seconds,
                jwt_secrets=settings.read_jwt_secrets(),
            )

            def count() -> ProcessCounters:
                worker_attempts = worker.attempts if worker else Counter()
                counts.upstream_attempts = omdb.attempts + worker_attempts
                return counts

            shared = MultiprocessCounters(count, counts_folder)
            with (
                built_use_cases(
                    database, omdb, shared.total, policy, limits, fetching
                ) as use_cases,
                database.revision.watched(),
            ):
                api.state.use_cases = use_cases
                async with (
                    _in_background(shared.publish()),
                    _running_worker(worker),
                    _in_background(prepare(database, admission, seeder, startup)),
                ):
                    yield
                    shutdown.trigger()

    options = MiddlewareOptions(
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
    counts: ProcessCounters,
) -> CacheOptions | None:
    if settings.cache == "off":
        return None
    return CacheOptions(
        is_cacheable=is_cacheable,
        cors_origins=settings.cors_origins,
        ttl_seconds=settings.cache_ttl_seconds,
        stale_seconds=settings.cache_stale_if_error_seconds,
        max_bytes=settings.cache_max_bytes,
        max_entries=settings.cache_max_entries,
        revision=revision,
        requests=counts.requests,
        counts=counts.cache,
    )


def _build_push_handler(fetching: FetchingDependencies, source: MovieSource) -> PushHandler | None:
    if fetching.push_tokens is None:
        return None
    return PushHandler(fetching.push_tokens, fetching.fetches, source)


def _build_token_verifier(settings: Settings) -> PushTokenVerifier | None:
    audience, email = settings.pubsub_push_audience, settings.pubsub_push_email
    if audience is None or email is None:
        return None
    return PushTokenVerifier(audience, email, settings.pubsub_certs_url)


@asynccontextmanager
async def _running_worker(worker: WorkerProcess | None) -> AsyncIterator[None]:
    """Run the worker during the context; at its end wait for requests in progress."""
    if worker is None:
        yield
        return
    worker.start()
    try:
        yield
    finally:
        worker.stop()
        await asyncio.to_thread(worker.join)


@asynccontextmanager
async def _in_background(work: Coroutine[None, None, None]) -> AsyncIterator[None]:
    """Run `work` concurrently with the context; cancel it when the context ends."""
    task = asyncio.create_task(work)
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
