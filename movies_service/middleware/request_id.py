"""Request ID: the client's own or a new one, in the response, the log and every error."""

import asyncio
import itertools
import re
import secrets

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from common.errors import Unavailable
from movies_service.http_semantics.problem_details import problem_response

HEADER = "X-Request-ID"
RAW_HEADER = HEADER.lower().encode()

NOSNIFF = (b"x-content-type-options", b"nosniff")
"""Keeps browsers from guessing another media type than the declared one."""

ACCEPTABLE_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")
"""Request IDs that are accepted from clients."""

_log = structlog.get_logger(__name__)


class RequestIds:
    """Generator of request IDs: a random prefix per instance, and a sequence number."""

    def __init__(self) -> None:
        self._prefix = secrets.token_hex(4).encode()
        self._numbers = itertools.count()

    def accept(self, sent: bytes) -> bytes:
        """Return the ID that the client sent, if it is acceptable, or a new one."""
        if sent and ACCEPTABLE_ID.fullmatch(sent):
            return sent
        return b"%b%08x" % (self._prefix, next(self._numbers))


class RequestIdMiddleware:
    """Middleware that assigns a request ID, and logs unexpected errors with it.

    A request that a shutdown cancels gets a 503, unless its response has started.

    Args:
        app: the wrapped app.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._ids = RequestIds()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        header = RAW_HEADER, self._request_id(scope)
        has_started = False

        async def send_with_id(message: Message) -> None:
            nonlocal has_started
            has_started = True
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message["headers"], header, NOSNIFF]}
            await send(message)

        # Each request runs in its own task, so that the binding affects no other request.
        structlog.contextvars.bind_contextvars(request_id=header[1].decode())
        try:
            await self._app(scope, receive, send_with_id)
        except asyncio.CancelledError:
            if not has_started:
                error = Unavailable("The service is shutting down: repeat the request.")
                await problem_response(error)(scope, receive, send_with_id)
            raise
        except Exception:  # noqa: BLE001 - Last resort: the client already has its problem document.
            _log.exception("unexpected_error")

    def _request_id(self, scope: Scope) -> bytes:
        sent = next((value for name, value in scope["headers"] if name == RAW_HEADER), b"")
        return self._ids.accept(sent)
