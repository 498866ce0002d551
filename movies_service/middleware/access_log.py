"""Access log: counts and times each request, and logs it; refused ones together."""

import time
from http import HTTPStatus

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from common.log_throttle import LogThrottle
from movies_service.telemetry.counters import UNKNOWN_ROUTE, RequestCounters

PATH_MAX_BYTES = 256
"""Logged part of a path: clients may send paths of up to the size of the headers."""

_log = structlog.get_logger(__name__)


class AccessLogMiddleware:
    """Middleware that counts and times every request, and logs it.

    Requests that a rate limit refused are logged at most once a minute, with their number: a client
    above its limit must not fill the log.

    Args:
        app: the wrapped app.
        requests: request counters of this process.
        logs_requests: whether requests are logged.
    """

    def __init__(self, app: ASGIApp, *, requests: RequestCounters, logs_requests: bool) -> None:
        self._app = app
        self._requests = requests
        self._logs_requests = logs_requests
        self._refusals = LogThrottle()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()
        status = HTTPStatus.INTERNAL_SERVER_ERROR.value

        async def send_and_record_status(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        await self._app(scope, receive, send_and_record_status)
        seconds = time.perf_counter() - started
        self._requests.add((scope["method"], route_of(scope), int(status)), seconds)
        if not self._logs_requests:
            return
        path = scope["raw_path"][:PATH_MAX_BYTES].decode("latin-1")
        if status == HTTPStatus.TOO_MANY_REQUESTS:
            if (repeated := self._refusals.count("")) is not None:
                _log.warning("http_requests_refused", path=path, repeated=repeated)
            return
        _log.info(
            "http_request",
            method=scope["method"],
            path=path,
            status=int(status),
            milliseconds=round(seconds * 1000, 2),
        )


def route_of(scope: Scope) -> str:
    """Return the path template of the route that handled a request: `/movies/{reference}`."""
    route = scope.get("route")
    return UNKNOWN_ROUTE if route is None else str(route.path)
