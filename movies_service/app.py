"""The app: routers, error handlers, and what surrounds them."""

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Protocol

from fastapi import Depends, FastAPI
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp

from movies_service.api.dependencies.authentication import find_caller
from movies_service.api.error_handlers import install_error_handlers
from movies_service.api.openapi import complete_documentation
from movies_service.api.routers import (
    api_keys,
    audit,
    fetches,
    health,
    index,
    ingests,
    metrics,
    movies,
    sessions,
    upstream,
    users,
)
from movies_service.api.routers import pubsub_push as pubsub
from movies_service.api.routers import swagger_ui as docs
from movies_service.http_semantics.headers import REVISION_HEADER
from movies_service.http_semantics.query_parameters import refuse_unknown_parameters
from movies_service.middleware.body_limit import BodyLimit
from movies_service.middleware.fast_path import DirectReads
from movies_service.middleware.head import HeadAsGet
from movies_service.middleware.host_header import OneHost
from movies_service.middleware.rate_limit import RequestLimit
from movies_service.middleware.request_id import HEADER as REQUEST_ID_HEADER
from movies_service.middleware.request_id import RequestContext
from movies_service.rate_limiting.rate_limits import NO_LIMITS, Limits
from movies_service.response_cache.middleware import AnswerCache
from movies_service.response_cache.options import CacheOptions
from movies_service.telemetry.collector import RequestCounts

VERSION = "0.1.0"

_ROUTERS = (
    index.router,
    movies.reads,
    movies.router,
    fetches.router,
    ingests.router,
    api_keys.router,
    sessions.router,
    users.router,
    audit.router,
    upstream.router,
    docs.router,
    health.router,
    metrics.router,
)

_DESCRIPTION = """
A self-hosted movie catalogue that fills itself from OMDb and answers at once.

Every error is a problem document (RFC 9457). Reads carry a strong `ETag`; send it back as
`If-None-Match`, and an answer that still holds is a 304 without a body.
"""

_EXPOSED_HEADERS = (
    "ETag",
    "Idempotency-Replayed",
    "Link",
    "Location",
    "Preference-Applied",
    "RateLimit",
    "RateLimit-Policy",
    "Retry-After",
    REQUEST_ID_HEADER,
    REVISION_HEADER,
)


class Lifespan(Protocol):
    """Opens what the app works with, sets `app.state.services`, and closes it at the end."""

    def __call__(self, app: FastAPI, /) -> AbstractAsyncContextManager[None]:
        """Return the context in which the app serves."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class EdgeOptions:
    """How the surroundings of the app behave; see the settings of the same names."""

    cors_origins: Sequence[str] = ("*",)
    max_body_bytes: int = 65_536
    request_timeout_seconds: float = 10
    logs_requests: bool = True
    cache: CacheOptions | None = None
    """`None` turns the cache off."""
    limits: Limits = NO_LIMITS
    requests: RequestCounts = field(default_factory=RequestCounts)
    """Counts what is answered."""


def create_api(lifespan: Lifespan | None = None) -> FastAPI:
    """Return the API itself: what it documents, and how it answers."""
    api = FastAPI(
        title="Movies API",
        version=VERSION,
        description=_DESCRIPTION,
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        dependencies=[Depends(refuse_unknown_parameters), Depends(find_caller)],
    )
    for router in _ROUTERS:
        api.include_router(router)
    docs.mount_files(api)
    pubsub.add_push(api)
    install_error_handlers(api)
    complete_documentation(api, _ROUTERS)
    return api


def create_app(lifespan: Lifespan, options: EdgeOptions) -> ASGIApp:
    """Return the API with its surroundings, the outermost of which sees a request first."""
    app: ASGIApp = HeadAsGet(DirectReads(create_api(lifespan), movies.reads))
    app = BodyLimit(
        app,
        max_bytes=options.max_body_bytes,
        timeout_seconds=options.request_timeout_seconds,
    )
    app = RequestLimit(OneHost(app), options.limits)
    app = CORSMiddleware(
        app,
        allow_origins=options.cors_origins,
        allow_methods=("GET", "HEAD", "POST", "PATCH", "DELETE"),
        allow_headers=(
            "Authorization",
            "Content-Type",
            "Idempotency-Key",
            "If-Match",
            "If-None-Match",
            "Prefer",
            "X-API-Key",
            REQUEST_ID_HEADER,
            REVISION_HEADER,
        ),
        expose_headers=_EXPOSED_HEADERS,
    )
    app = RequestContext(app, requests=options.requests, logs_requests=options.logs_requests)
    return app if options.cache is None else AnswerCache(app, options.cache, options.limits)
