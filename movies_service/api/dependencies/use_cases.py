"""Container of the use cases, and the dependency that provides it to endpoints."""

from concurrent.futures import Executor
from dataclasses import dataclass, field
from typing import Annotated, cast

from fastapi import Depends, Request

from common.executors import CallExecutor
from movies_service.accounts.api_keys import ApiKeys
from movies_service.accounts.login import Login
from movies_service.accounts.sessions import Sessions
from movies_service.accounts.users import Users
from movies_service.rate_limiting.rate_limits import RateLimits
from movies_service.telemetry.collector import Metrics
from movies_service.use_cases.add_movie import AddMovie
from movies_service.use_cases.audit import Audit
from movies_service.use_cases.idempotency import IdempotencyStore
from movies_service.use_cases.ingests import IngestHistory
from movies_service.use_cases.movies import Movies
from movies_service.use_cases.pubsub_push import PushHandler
from movies_service.use_cases.readiness import Readiness
from movies_service.use_cases.refresh_movie import RefreshMovie
from movies_service.use_cases.request_fetches import RequestFetches
from movies_service.use_cases.upstream_status import GetUpstreamStatus


@dataclass(frozen=True, slots=True)
class Policy:
    """Access and fetch policy of the operator; see the settings of the same names."""

    adding_requires_authentication: bool = False
    adding_is_async: bool = False
    omdb_rate_limit: str = "off"
    api_key_grace_seconds: int = 86_400
    jwt_secrets: tuple[bytes, ...] = field(default=(), repr=False)
    """Secrets that sign access tokens, newest first; empty: the database holds the signing keys."""


DEFAULT_POLICY = Policy()


@dataclass(frozen=True, slots=True)
class UseCases:
    """Use cases of the app, built by `movies_service.bootstrap`."""

    movies: Movies
    add_movie: AddMovie
    refresh_movie: RefreshMovie
    request_fetches: RequestFetches
    ingest_history: IngestHistory
    upstream_status: GetUpstreamStatus
    push_handler: PushHandler | None
    """`None` unless Pub/Sub push is configured."""
    api_keys: ApiKeys
    users: Users
    sessions: Sessions
    login: Login
    audit: Audit
    idempotency: IdempotencyStore
    limits: RateLimits
    metrics: Metrics
    readiness: Readiness
    policy: Policy
    read: CallExecutor
    """Executes calls that only read the database, for less than 5 ms: the event loop may wait."""
    long_read: CallExecutor
    """Executes calls that only read the database, in a thread: they may take longer."""
    write: CallExecutor
    """Executes calls that may wait for another writer, or that take long."""
    render: Executor
    """Renders large responses, in one thread."""


async def get_use_cases(request: Request) -> UseCases:
    """Return the use cases that the lifespan of the app built."""
    return cast("UseCases", request.app.state.use_cases)


UseCasesDependency = Annotated[UseCases, Depends(get_use_cases)]
