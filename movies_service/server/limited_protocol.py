"""HTTP as uvicorn speaks it, with bounds: what is no request is told so in our words.

A head that is too large or too slow ends its connection. What arrives whole and small, as nearly
all requests do, costs two comparisons.
"""

import asyncio
from contextlib import suppress
from http import HTTPStatus
from typing import Any, ClassVar, cast

import structlog
from uvicorn._types import ASGI3Application
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from movies_service.http_semantics.problem_details import write_problem
from movies_service.middleware.request_id import HEADER, NOSNIFF, RequestIds

_LINGER_SECONDS = 1.0


class GuardedHttpProtocol(HttpToolsProtocol):
    """Bounds the heads of requests; see the settings of the same names."""

    max_head_bytes: ClassVar[int] = 16_384
    """Of the request line and all headers."""
    request_timeout_seconds: ClassVar[float] = 10
    """How long a head may take."""

    _ids: ClassVar[RequestIds] = RequestIds()

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - Uvicorn's own.
        super().__init__(*args, **kwargs)
        self._open_bytes = 0
        self._is_large = False
        self._deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # As uvicorn's.
        """Wait for the first request, but not for ever."""
        super().connection_made(transport)
        self._set_deadline()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no longer."""
        self._unset_deadline()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take in a part of a request, a whole one, or several."""
        self._is_large = self._open_bytes + len(data) > self.max_head_bytes
        super().data_received(data)
        if self.transport.get_protocol() is not self:  # It was refused.
            return
        scope: Any = self.scope
        if scope is None or "method" in scope:  # No head, or the whole of it.
            if self._deadline is not None:
                self._unset_deadline()
            return
        self._open_bytes += len(data)
        if self._open_bytes > self.max_head_bytes:
            self._refuse_large_head()
        elif self._deadline is None:
            self._set_deadline()

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - Uvicorn's words.
        """Answer what is no HTTP."""
        self._refuse(HTTPStatus.BAD_REQUEST, "malformed-request", "This is no HTTP/1.1 request.")

    def _unsupported_upgrade_warning(self) -> None:
        """Say nothing: whoever asks for a web socket is answered in HTTP, as they may be."""

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        if self._is_large and self._measure_head() > self.max_head_bytes:
            self._refuse_large_head()
            return
        super()._start_asgi_task(cycle, app)

    def _measure_head(self) -> int:
        return len(self.url) + sum(len(name) + len(value) for name, value in self.headers)

    def _set_deadline(self) -> None:
        self._deadline = self.loop.call_later(self.request_timeout_seconds, self._refuse_slow_head)

    def _unset_deadline(self) -> None:
        self._open_bytes = 0
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _refuse_large_head(self) -> None:
        self._refuse(
            HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
            "head-too-large",
            f"The path, the query and the headers have more than {self.max_head_bytes} bytes.",
        )

    def _refuse_slow_head(self) -> None:
        self._refuse(
            HTTPStatus.REQUEST_TIMEOUT, "request-timeout", "The request did not arrive in time."
        )

    def _refuse(self, status: HTTPStatus, code: str, detail: str) -> None:
        """Write a problem document, and close the connection behind it."""
        request_id = self._ids.accept(b"")
        with structlog.contextvars.bound_contextvars(request_id=request_id.decode()):
            answer = write_problem(status, code, detail, headers={HEADER: request_id.decode()})
        own = [*self.server_state.default_headers, (b"connection", b"close")]
        lines = b"".join(
            [b"%b: %b\r\n" % header for header in [*answer.raw_headers, NOSNIFF, *own]]
        )
        line = b"HTTP/1.1 %d %b\r\n" % (status, status.phrase.encode())
        self.transport.write(b"".join((line, lines, b"\r\n", cast("bytes", answer.body))))
        self._unset_deadline()
        self.connections.discard(self)
        self.transport.set_protocol(_Discard(self.transport, self.loop))


class _Discard(asyncio.Protocol):
    """Reads on for a while: a connection that is closed while data comes loses the answer."""

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        with suppress(RuntimeError):  # The client was faster.
            transport.write_eof()
        loop.call_later(_LINGER_SECONDS, transport.close)


def with_bounds(
    protocol: type[GuardedHttpProtocol], *, max_head_bytes: int, request_timeout_seconds: float
) -> type[GuardedHttpProtocol]:
    """Return the protocol with these bounds."""
    bounds = {
        "max_head_bytes": max_head_bytes,
        "request_timeout_seconds": request_timeout_seconds,
    }
    return type(f"Bounded{protocol.__name__}", (protocol,), bounds)
