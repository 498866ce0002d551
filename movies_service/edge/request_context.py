"""A name for each request, in its answer and in the log; and the line in the log."""

import re
import secrets
import time
from http import HTTPStatus

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from movies_service.metrics import UNKNOWN_ROUTE, RequestCounts

HEADER = "X-Request-ID"

ACCEPTABLE_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
"""What a client may name its request."""

_ID_BYTES = 8

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

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = _request_id(scope)
        started = time.perf_counter()
        status = HTTPStatus.INTERNAL_SERVER_ERROR.value

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)[HEADER] = request_id
            await send(message)

        with structlog.contextvars.bound_contextvars(request_id=request_id):
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


def route_of(scope: Scope) -> str:
    """Return the template of the path that has answered, such as `/movies/{reference}`."""
    route = scope.get("route")
    return UNKNOWN_ROUTE if route is None else str(route.path)


def _request_id(scope: Scope) -> str:
    sent = Headers(scope=scope).get(HEADER, "")
    return sent if ACCEPTABLE_ID.fullmatch(sent) else secrets.token_hex(_ID_BYTES)
