"""Uvicorn's HTTP/1.1 protocol, which sends cache hits without starting a task.

For every other request uvicorn starts a task that runs the app, and checks each header of its
messages. A cached response passed these checks when it was stored, so that its bytes are written
directly after the request was parsed.
"""

from typing import Any, ClassVar, cast

from starlette.types import Scope
from uvicorn._types import ASGI3Application
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

from movies_service.rate_limiting.rate_limiter import ConnectionTokens
from movies_service.response_cache.middleware import ResponseCacheMiddleware
from movies_service.server.limited_protocol import LimitedHttpProtocol

_CHAINED_MAX = 50
"""Number of pipelined hits that are sent in one call; each one calls for the next."""


class CachedHttpProtocol(LimitedHttpProtocol):
    """HTTP protocol that serves hits from `cache`; see `with_cache`."""

    cache: ClassVar[ResponseCacheMiddleware]

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - Uvicorn's signature.
        super().__init__(*args, **kwargs)
        self._tokens = ConnectionTokens()
        self._chained = 0

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        """Send a hit, or start the app; all earlier requests of the connection are answered."""
        if self._is_large or self._chained > _CHAINED_MAX:
            super()._start_asgi_task(cycle, app)
            return
        is_free = not (self.flow.write_paused or self.transport.is_closing())
        scope = cast("Scope", cycle.scope)
        response = self.cache.get_raw_response(scope, self._tokens) if is_free else None
        if response is None:
            super()._start_asgi_task(cycle, app)
            return
        head, body = response
        default_headers = b"".join(
            [b"%b: %b\r\n" % header for header in self.server_state.default_headers]
        )
        end = b"\r\n" if cycle.keep_alive else b"connection: close\r\n\r\n"
        self.transport.write(b"".join((head, default_headers, end, body)))
        cycle.response_started = cycle.response_complete = True
        cycle.more_body = False  # A request with a body is never a hit.
        if not cycle.keep_alive:
            self.transport.close()
        self._chained += 1
        cycle.on_response()
        self._chained -= 1


def with_cache(cache: ResponseCacheMiddleware) -> type[CachedHttpProtocol]:
    """Return the protocol class of a server with this cache."""
    return type("BoundCachedHttpProtocol", (CachedHttpProtocol,), {"cache": cache})
