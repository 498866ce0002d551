"""What the endpoints work with, and how they get hold of it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Annotated, cast

from fastapi import Depends, Request

from common.executors import Run
from movies_service.accounts.api_keys import ApiKeys
from movies_service.accounts.login import SignIn
from movies_service.accounts.sessions import Sessions
from movies_service.accounts.users import Users
from movies_service.rate_limiting.rate_limits import Limits
from movies_service.telemetry.collector import Metrics
from movies_service.use_cases.add_movie import AddMovie
from movies_service.use_cases.audit import Audit
from movies_service.use_cases.idempotency import KeptAnswers
from movies_service.use_cases.ingests import Ingests
from movies_service.use_cases.movies import Movies
from movies_service.use_cases.pubsub_push import PushedFetches
from movies_service.use_cases.refresh_movie import RefreshMovie
from movies_service.use_cases.request_fetches import FetchMovies
from movies_service.use_cases.upstream_status import UpstreamState


@dataclass(frozen=True, slots=True)
class Policy:
    """What an operator has decided about access; see the settings of the same names."""

    adding_requires_key: bool = False
    adding_is_async: bool = False
    omdb_pace: str = "off"
    key_grace_seconds: int = 86_400
    jwt_secrets: tuple[bytes, ...] = field(default=(), repr=False)
    """What access tokens are signed with; else the database keeps something."""


DEFAULT_POLICY = Policy()


@dataclass(frozen=True, slots=True)
class Services:
    """The use cases, as `bootstrap` has built them."""

    movies: Movies
    add_movie: AddMovie
    refresh_movie: RefreshMovie
    fetch_movies: FetchMovies
    ingests: Ingests
    upstream: UpstreamState
    pushed: PushedFetches | None
    """`None` where nothing is pushed."""
    api_keys: ApiKeys
    users: Users
    sessions: Sessions
    sign_in: SignIn
    audit: Audit
    kept_answers: KeptAnswers
    limits: Limits
    metrics: Metrics
    is_ready: Callable[[], bool]
    """Whether the database answers and has the schema that is needed."""
    policy: Policy
    read: Run
    """Runs calls that only read."""
    write: Run
    """Runs calls that may wait for another writer."""


async def find_services(request: Request) -> Services:
    """Return what the lifespan of the app has built."""
    return cast("Services", request.app.state.services)


ServicesDependency = Annotated[Services, Depends(find_services)]
