"""Uvicorn's HTTP/1.1 protocol with limits; malformed requests get a problem document.

Request headers that are too large or arrive too slowly close the connection. A request that
arrives in one piece, as nearly all do, costs two comparisons.
"""

import asyncio
from contextlib import suppress
from http import HTTPStatus
from typing import Any, ClassVar, cast

import structlog
from uvicorn._types import ASGI3Application
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from movies_service.http_semantics.problem_details import build_problem_response
from movies_service.middleware.request_id import HEADER, NOSNIFF, RequestIds

_LINGER_SECONDS = 1.0


class LimitedHttpProtocol(HttpToolsProtocol):
    """HTTP protocol with limits on request headers; see the settings of the same names."""

    max_header_bytes: ClassVar[int] = 16_384
    """Limit of the size of URL and headers."""
    request_timeout_seconds: ClassVar[float] = 10
    """Deadline for receiving the request line and headers."""

    _ids: ClassVar[RequestIds] = RequestIds()

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - Uvicorn's signature.
        super().__init__(*args, **kwargs)
        self._open_bytes = 0
        self._is_large = False
        self._deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # Like uvicorn.
        """Start the deadline of the first request."""
        super().connection_made(transport)
        self._set_deadline()

    def connection_lost(self, exc: Exception | None) -> None:
        """Cancel the deadline."""
        self._clear_deadline()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Process a part of a request, a complete one, or several."""
        self._is_large = self._open_bytes + len(data) > self.max_header_bytes
        super().data_received(data)
        if self.transport.get_protocol() is not self:  # The request was rejected.
            return
        scope: Any = self.scope
        if scope is None or "method" in scope:  # Between requests, or the headers are complete.
            if self._deadline is not None:
                self._clear_deadline()
            return
        self._open_bytes += len(data)
        if self._open_bytes > self.max_header_bytes:
            self._reject_large_headers()
        elif self._deadline is None:
            self._set_deadline()

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - Replaces uvicorn's message.
        """Respond to malformed HTTP."""
        self._reject(HTTPStatus.BAD_REQUEST, "malformed-request", "Malformed HTTP/1.1 request.")

    def _unsupported_upgrade_warning(self) -> None:
        """Log nothing: an upgrade request may be answered in HTTP, so there is no error."""

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        if self._is_large and self._measure_headers() > self.max_header_bytes:
            self._reject_large_headers()
            return
        super()._start_asgi_task(cycle, app)

    def _measure_headers(self) -> int:
        return len(self.url) + sum(len(name) + len(value) for name, value in self.headers)

    def _set_deadline(self) -> None:
        self._deadline = self.loop.call_later(
            self.request_timeout_seconds, self._reject_slow_headers
        )

    def _clear_deadline(self) -> None:
        self._open_bytes = 0
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _reject_large_headers(self) -> None:
        self._reject(
            HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
            "header-fields-too-large",
            f"Path, query and headers exceed {self.max_header_bytes} bytes.",
        )

    def _reject_slow_headers(self) -> None:
        self._reject(
            HTTPStatus.REQUEST_TIMEOUT, "request-timeout", "The request did not arrive in time."
        )

    def _reject(self, status: HTTPStatus, code: str, detail: str) -> None:
        """Send a problem document, and close the connection."""
        request_id = self._ids.accept(b"")
        with structlog.contextvars.bound_contextvars(request_id=request_id.decode()):
            response = build_problem_response(
                status, code, detail, headers={HEADER: request_id.decode()}
            )
        extra = [*self.server_state.default_headers, (b"connection", b"close")]
        lines = b"".join(
            [b"%b: %b\r\n" % header for header in [*response.raw_headers, NOSNIFF, *extra]]
        )
        status_line = b"HTTP/1.1 %d %b\r\n" % (status, status.phrase.encode())
        self.transport.write(b"".join((status_line, lines, b"\r\n", cast("bytes", response.body))))
        self._clear_deadline()
        self.connections.discard(self)
        self.transport.set_protocol(_LingeringClose(self.transport, self.loop))


class _LingeringClose(asyncio.Protocol):
    """Protocol that discards input for a second before it closes the connection.

    Closing while data arrives would reset the connection, and the client would lose the response.
    """

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        with suppress(RuntimeError):  # The client has closed the connection.
            transport.write_eof()
        loop.call_later(_LINGER_SECONDS, transport.close)


def with_limits(
    protocol: type[LimitedHttpProtocol], *, max_header_bytes: int, request_timeout_seconds: float
) -> type[LimitedHttpProtocol]:
    """Return a subclass of the protocol with these limits."""
    limits = {
        "max_header_bytes": max_header_bytes,
        "request_timeout_seconds": request_timeout_seconds,
    }
    return type(f"Bounded{protocol.__name__}", (protocol,), limits)
