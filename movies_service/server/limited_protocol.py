"""Uvicorn's HTTP/1.1 protocol with limits; malformed requests get a problem document.

Request headers that are too large or arrive too slowly close the connection. So does a body that
has not arrived when the response is complete, and a client that does not read its response. A
request that arrives in one piece, as nearly all do, costs two comparisons.
"""

import asyncio
import sys
from contextlib import suppress
from http import HTTPStatus
from typing import Any, ClassVar, cast

import httptools
import structlog
from uvicorn._types import ASGI3Application
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from movies_service.http_semantics.problem_details import build_problem_response
from movies_service.middleware.request_id import HEADER, NOSNIFF, RequestIds
from movies_service.server.descriptor_limit import DESCRIPTORS_MAX, make_room

_LINGER_SECONDS = 1.0

_UPGRADES_MAX = 100
"""Number of upgrade requests that one read may contain; each one is parsed twice."""

_SENT_MIN_BYTES_PER_SECOND = 1_024
"""Lowest rate at which a client has to read a response."""


class LimitedHttpProtocol(HttpToolsProtocol):
    """HTTP protocol with limits on request headers; see the settings of the same names."""

    max_header_bytes: ClassVar[int] = 16_384
    """Limit of the size of URL and headers."""
    request_timeout_seconds: ClassVar[float] = 10
    """Deadline for receiving the request line and headers."""
    descriptors_max: ClassVar[int] = DESCRIPTORS_MAX

    _ids: ClassVar[RequestIds] = RequestIds()

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - Uvicorn's signature.
        super().__init__(*args, **kwargs)
        self._open_bytes = 0
        self._is_large = False
        self._deadline: asyncio.TimerHandle | None = None
        self._write_deadline: asyncio.TimerHandle | None = None
        self._running: RequestResponseCycle | None = None
        self._rejection: tuple[HTTPStatus, str, str] | None = None
        self._headers_count = self._trailer_bytes = 0
        self._received = self._received_again = b""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # Like uvicorn.
        """Start the deadline of the first request; make room if file descriptors run short."""
        super().connection_made(transport)
        self._set_deadline()
        if transport.get_extra_info("socket").fileno() >= self.descriptors_max:
            make_room(self, cast("set[LimitedHttpProtocol]", self.connections))

    def connection_lost(self, exc: Exception | None) -> None:
        """Cancel the deadlines, and end all requests of the connection."""
        self._end_requests()
        self._clear_deadline()
        self._clear_write_deadline()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Process a part of a request, a complete one, or several."""
        if self._rejection is not None:
            return
        self._open_bytes += len(data)
        self._is_large = self._open_bytes > self.max_header_bytes
        self._received = data
        super().data_received(data)
        if self._received_again:
            self._parse_again()
        if self._rejection is not None or self.transport.get_protocol() is not self:
            return
        scope: Any = self.scope
        if scope is None or "method" in scope:  # Between requests, or the headers are complete.
            if self._deadline is not None:
                self._clear_deadline()
            self._open_bytes = 0
            if len(self.headers or ()) > self._headers_count:
                self._discard_trailers()
        elif self._open_bytes > self.max_header_bytes:
            self._reject_large_headers()
        elif self._deadline is None:
            self._set_deadline()

    def pause_writing(self) -> None:
        """Start the deadline of a client that does not read."""
        super().pause_writing()
        self._set_write_deadline()

    def resume_writing(self) -> None:
        """End the deadline: the client reads."""
        super().resume_writing()
        if not self.transport.is_closing():
            self._clear_write_deadline()

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - Replaces uvicorn's message.
        """Respond to malformed HTTP."""
        self._reject(HTTPStatus.BAD_REQUEST, "malformed-request", "Malformed HTTP/1.1 request.")

    def on_headers_complete(self) -> None:
        """Start the request, unless it has to be parsed again without its upgrade."""
        if not (self.parser.should_upgrade() and self._is_upgrade()):
            self._headers_count, self._trailer_bytes = len(self.headers), 0
            super().on_headers_complete()

    def on_message_complete(self) -> None:
        """End the body of the request."""
        self._open_bytes = 0
        if not (self.parser.should_upgrade() and self._is_upgrade()):
            super().on_message_complete()

    def on_response_complete(self) -> None:
        """Start the next request; close the connection if this one has not arrived completely."""
        super().on_response_complete()
        if self.transport.is_closing():
            self._set_write_deadline()
        elif self._rejection is not None:
            self._reject(*self._rejection)
        elif self.cycle.response_complete and self.cycle.more_body:
            self._close_slowly()

    def timeout_keep_alive_handler(self) -> None:
        """Close the idle connection."""
        super().timeout_keep_alive_handler()
        self._set_write_deadline()

    def abort(self) -> None:
        """Close the connection at once; see `make_room`."""
        self.transport.abort()

    def _is_upgrade(self) -> bool:
        """Return whether the parser stops for an Upgrade header, and not for CONNECT."""
        return bool(self.parser.get_method() != b"CONNECT")

    def _unsupported_upgrade_warning(self) -> None:
        """Ignore an upgrade: parse the request again without it, and what follows.

        The parser stops behind the headers of an upgrade request, before its body.

        Source: RFC 9110, section 7.8.
        """
        upgrade = cast("httptools.HttpParserUpgrade", sys.exc_info()[1])
        lines = [
            b"%b %b HTTP/%b\r\n"
            % (self.parser.get_method(), self.url, self.parser.get_http_version().encode()),
            *(b"%b: %b\r\n" % header for header in self.headers if header[0] != b"upgrade"),
        ]
        self.parser = httptools.HttpRequestParser(self)
        self.parser.set_dangerous_leniencies(lenient_data_after_close=True)
        self._received_again = b"".join([*lines, b"\r\n", self._received[upgrade.args[0] :]])

    def _parse_again(self) -> None:
        """Parse what follows upgrades, at most `_UPGRADES_MAX` times."""
        for _ in range(_UPGRADES_MAX):
            if not self._received_again:
                return
            self._received, self._received_again = self._received_again, b""
            super().data_received(self._received)
        self._reject(HTTPStatus.BAD_REQUEST, "malformed-request", "Too many upgrade requests.")

    @property
    def address(self) -> str:
        """Address of the client or proxy; empty for a local socket."""
        return self.client[0] if self.client else ""

    @property
    def idle_until(self) -> float | None:
        """Time on the loop's clock at which an idle connection is closed; None for a busy one."""
        is_busy = self.cycle is not None and not self.cycle.response_complete
        timer = None if is_busy else self.timeout_keep_alive_task or self._deadline
        return None if timer is None else timer.when()

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        if self._is_large and self._measure_headers() > self.max_header_bytes:
            self._reject_large_headers()
            return
        self._running = cycle
        super()._start_asgi_task(cycle, app)

    def _measure_headers(self) -> int:
        return len(self.url) + sum(len(name) + len(value) for name, value in self.headers)

    def _set_deadline(self) -> None:
        self._deadline = self.loop.call_later(
            self.request_timeout_seconds, self._reject_slow_headers
        )

    def _set_write_deadline(self) -> None:
        """Start the deadline of what is buffered; a closed transport waits for it to be read."""
        if self._write_deadline is None:
            self._write_deadline = self.loop.call_later(
                self.request_timeout_seconds,
                self._require_progress,
                self.transport.get_write_buffer_size(),
            )

    def _require_progress(self, unsent_bytes: int) -> None:
        """Close the connection, unless the client has read enough since the deadline began."""
        self._write_deadline = None
        sent_bytes = unsent_bytes - self.transport.get_write_buffer_size()
        if sent_bytes < _SENT_MIN_BYTES_PER_SECOND * self.request_timeout_seconds:
            self.transport.abort()
        else:
            self._set_write_deadline()

    def _clear_write_deadline(self) -> None:
        if self._write_deadline is not None:
            self._write_deadline.cancel()
            self._write_deadline = None

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
        """Send a problem document, and close the connection.

        Earlier requests of the connection get their responses first.

        Source: RFC 9112, section 9.3.2.
        """
        if self.pipeline and self.pipeline[0][0].more_body:
            self.pipeline.popleft()  # The rejected request itself.
        if self.pipeline or self._is_answering_another():
            self._rejection = status, code, detail
            return
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
        self._close_slowly()

    def _is_answering_another(self) -> bool:
        """Return whether the app handles a request that has arrived completely."""
        running = self._running
        return running is not None and not (running.response_complete or running.more_body)

    def _end_requests(self) -> None:
        """Tell the app that the client is gone; uvicorn tells only the newest of its requests."""
        for cycle in (self._running, *(cycle for cycle, _app in self.pipeline)):
            if cycle is not None and not cycle.response_complete:
                cycle.disconnected = True
                cycle.message_event.set()

    def _discard_trailers(self) -> None:
        """Remove the trailers of a chunked body from the headers; they are never used."""
        trailers = self.headers[self._headers_count :]
        del self.headers[self._headers_count :]
        self._trailer_bytes += sum(len(name) + len(value) for name, value in trailers)
        if self._trailer_bytes > self.max_header_bytes:
            self._reject_large_headers()

    def _close_slowly(self) -> None:
        self._end_requests()
        self.flow.resume_writing()
        self._clear_write_deadline()
        self._unset_keepalive_if_required()
        self._clear_deadline()
        self.connections.discard(self)
        self.transport.set_protocol(
            _LingeringClose(self.transport, self.loop, self.request_timeout_seconds)
        )


class _LingeringClose(asyncio.Protocol):
    """Protocol that discards input for a second before it closes the connection.

    Closing while data arrives would reset the connection, and the client would lose the response.
    It has `timeout_seconds` to read it.
    """

    def __init__(
        self,
        transport: asyncio.Transport,
        loop: asyncio.AbstractEventLoop,
        timeout_seconds: float,
    ) -> None:
        with suppress(RuntimeError):  # The client has closed the connection.
            transport.write_eof()
        loop.call_later(_LINGER_SECONDS, transport.close)
        loop.call_later(_LINGER_SECONDS + timeout_seconds, transport.abort)


def with_limits(
    protocol: type[LimitedHttpProtocol], *, max_header_bytes: int, request_timeout_seconds: float
) -> type[LimitedHttpProtocol]:
    """Return a subclass of the protocol with these limits."""
    limits = {
        "max_header_bytes": max_header_bytes,
        "request_timeout_seconds": request_timeout_seconds,
    }
    return type(f"Bounded{protocol.__name__}", (protocol,), limits)
