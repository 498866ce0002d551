"""ASGI app of the service: routers, error handlers and middleware."""

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Protocol

from fastapi import Depends, FastAPI
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp

from movies_service.api.dependencies.authentication import authenticate
from movies_service.api.dependencies.query_parameters import refuse_unknown_parameters
from movies_service.api.error_handlers import install_error_handlers
from movies_service.api.openapi import INVALID_INPUT, complete_documentation
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
from movies_service.middleware.access_log import AccessLogMiddleware
from movies_service.middleware.body_limit import BodyLimitMiddleware
from movies_service.middleware.fast_path import FastPathMiddleware
from movies_service.middleware.head import HeadMiddleware
from movies_service.middleware.query_limit import QueryLimitMiddleware
from movies_service.middleware.rate_limit import RateLimitMiddleware
from movies_service.middleware.request_id import HEADER as REQUEST_ID_HEADER
from movies_service.middleware.request_id import RequestIdMiddleware
from movies_service.middleware.single_headers import SingleHeadersMiddleware
from movies_service.rate_limiting.rate_limits import NO_LIMITS, RateLimits
from movies_service.response_cache.middleware import ResponseCacheMiddleware
from movies_service.response_cache.options import CacheOptions
from movies_service.telemetry.counters import RequestCounters

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
A self-hosted movie catalogue that is filled from OMDb on demand and serves reads from a cache.

Every error is a problem document (RFC 9457). Reads have a strong `ETag`; send it in
`If-None-Match`, and an unchanged response is a 304 without a body.
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
    """Factory of the lifespan context: opens the resources and sets `app.state.use_cases`."""

    def __call__(self, app: FastAPI, /) -> AbstractAsyncContextManager[None]:
        """Return the context in which the app runs; its end closes the resources."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class MiddlewareOptions:
    """Options of the middleware; see the settings of the same names."""

    cors_origins: Sequence[str] = ("*",)
    max_body_bytes: int = 65_536
    request_timeout_seconds: float = 10
    logs_requests: bool = True
    cache: CacheOptions | None = None
    """`None` disables the cache."""
    limits: RateLimits = NO_LIMITS
    requests: RequestCounters = field(default_factory=RequestCounters)
    """Counters of handled requests."""


def is_cacheable(path: str) -> bool:
    """Return whether a path belongs to a public resource, whose responses the cache may store."""
    return path in {"/", "/movies"} or path.startswith("/movies/")


def create_api(lifespan: Lifespan | None = None) -> FastAPI:
    """Return the FastAPI app, without the middleware."""
    api = FastAPI(
        title="Movies API",
        version=VERSION,
        description=_DESCRIPTION,
        lifespan=lifespan,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        responses=INVALID_INPUT,
        dependencies=[Depends(refuse_unknown_parameters), Depends(authenticate)],
    )
    for router in _ROUTERS:
        api.include_router(router)
    docs.mount_files(api)
    pubsub.add_push(api)
    install_error_handlers(api)
    complete_documentation(api, _ROUTERS)
    return api


def create_app(lifespan: Lifespan, options: MiddlewareOptions) -> ASGIApp:
    """Return the API wrapped in the middleware; the last one applied sees a request first."""
    app: ASGIApp = HeadMiddleware(FastPathMiddleware(create_api(lifespan), movies.reads))
    app = BodyLimitMiddleware(
        app,
        max_bytes=options.max_body_bytes,
        timeout_seconds=options.request_timeout_seconds,
    )
    app = SingleHeadersMiddleware(QueryLimitMiddleware(app))
    app = RateLimitMiddleware(app, options.limits)
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
    # CORSMiddleware answers preflights itself, and adds its headers to the 429 of other requests.
    app = RateLimitMiddleware(app, options.limits, "OPTIONS")
    app = RequestIdMiddleware(app)
    app = AccessLogMiddleware(app, requests=options.requests, logs_requests=options.logs_requests)
    return (
        app
        if options.cache is None
        else ResponseCacheMiddleware(app, options.cache, options.limits)
    )
