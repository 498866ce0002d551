"""A name for each request, in its answer and in the log; and the line in the log."""

import itertools
import re
import secrets
import time
from http import HTTPStatus

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from movies_service.telemetry.collector import UNKNOWN_ROUTE, RequestCounts

HEADER = "X-Request-ID"
RAW_HEADER = HEADER.lower().encode()

NOSNIFF = (b"x-content-type-options", b"nosniff")
"""No browser takes an answer for something else than it says that it is."""

ACCEPTABLE_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")
"""What a client may name its request."""


class RequestIds:
    """Names requests: with a random word of this process, and a number."""

    def __init__(self) -> None:
        self._prefix = secrets.token_hex(4).encode()
        self._numbers = itertools.count()

    def accept(self, sent: bytes) -> bytes:
        """Return what a client calls its request, if that is harmless, or a new name."""
        if sent and ACCEPTABLE_ID.fullmatch(sent):
            return sent
        return b"%b%08x" % (self._prefix, next(self._numbers))


_log = structlog.get_logger(__name__)


class RequestContext:
    """Gives every request an id: the client's own, if it is harmless, or a new one.

    Args:
        app: what answers the request.
        requests: counts them.
        logs_requests: whether a line is logged for each one.
    """

    def __init__(self, app: ASGIApp, *, requests: RequestCounts, logs_requests: bool) -> None:
        self._app = app
        self._requests = requests
        self._logs_requests = logs_requests
        self._ids = RequestIds()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        header = RAW_HEADER, self._id_of(scope)
        started = time.perf_counter()
        status = HTTPStatus.INTERNAL_SERVER_ERROR.value

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message = {**message, "headers": [*message["headers"], header, NOSNIFF]}
            await send(message)

        # Each request runs in a task of its own, so that nothing else is bound by this.
        structlog.contextvars.bind_contextvars(request_id=header[1].decode())
        try:
            await self._app(scope, receive, send_with_id)
        except Exception:  # noqa: BLE001 - The last resort: the client has its problem document.
            _log.exception("Unexpected error")
        seconds = time.perf_counter() - started
        self._requests.add((scope["method"], route_of(scope), int(status)), seconds)
        if self._logs_requests:
            _log.info(
                "request",
                method=scope["method"],
                path=scope["raw_path"].decode("latin-1"),
                status=int(status),
                milliseconds=round(seconds * 1000, 2),
            )

    def _id_of(self, scope: Scope) -> bytes:
        sent = next((value for name, value in scope["headers"] if name == RAW_HEADER), b"")
        return self._ids.accept(sent)


def route_of(scope: Scope) -> str:
    """Return the template of the path that has answered, such as `/movies/{reference}`."""
    route = scope.get("route")
    return UNKNOWN_ROUTE if route is None else str(route.path)
