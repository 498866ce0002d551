"""HTTP as uvicorn speaks it, except that what the cache knows is written at once.

For every other request uvicorn starts a task, which runs an app, which sends messages, of which
each header is checked before it is written. A kept answer has been through all that when it was
made: its bytes are written from where the request was read.
"""

from typing import Any, ClassVar, cast

from starlette.types import Scope
from uvicorn._types import ASGI3Application
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

from movies_service.rate_limiting.rate_limiter import Purse
from movies_service.response_cache.middleware import AnswerCache
from movies_service.server.limited_protocol import GuardedHttpProtocol


class CachedHttpProtocol(GuardedHttpProtocol):
    """Asks the cache before it asks the app; see `with_cache`."""

    cache: ClassVar[AnswerCache]

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - Uvicorn's own.
        super().__init__(*args, **kwargs)
        self._purse = Purse()

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        """Answer a request for which nobody else on this connection has to be answered first."""
        if self._is_large:
            super()._start_asgi_task(cycle, app)
            return
        is_free = not (self.flow.write_paused or self.transport.is_closing())
        scope = cast("Scope", cycle.scope)
        answer = self.cache.answer_now(scope, self._purse) if is_free else None
        if answer is None:
            super()._start_asgi_task(cycle, app)
            return
        head, body = answer
        own = b"".join([b"%b: %b\r\n" % header for header in self.server_state.default_headers])
        end = b"\r\n" if cycle.keep_alive else b"connection: close\r\n\r\n"
        self.transport.write(b"".join((head, own, end, body)))
        cycle.response_started = cycle.response_complete = True
        if not cycle.keep_alive:
            self.transport.close()
        cycle.on_response()


def with_cache(cache: AnswerCache) -> type[CachedHttpProtocol]:
    """Return the protocol of a server that answers from this cache."""
    return type("BoundCachedHttpProtocol", (CachedHttpProtocol,), {"cache": cache})
