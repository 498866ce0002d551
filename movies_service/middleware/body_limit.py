"""Limits on the size and duration of request bodies, enforced before parsing."""

import asyncio
from http import HTTPStatus

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from movies_service.http_semantics.problem_details import build_problem_response


class BodyLimitMiddleware:
    """Middleware that reads each body completely before it calls the app.

    A body above the limit gets a 413, with or without a Content-Length; a body that takes too
    long gets a 408.

    Args:
        app: the wrapped app.
        max_bytes: largest accepted body.
        timeout_seconds: deadline for receiving a body.
    """

    def __init__(self, app: ASGIApp, *, max_bytes: int, timeout_seconds: float) -> None:
        self._app = app
        self._max_bytes = max_bytes
        self._timeout_seconds = timeout_seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http" or not _has_body(scope):
            await self._app(scope, receive, send)
            return
        try:
            async with asyncio.timeout(self._timeout_seconds):
                last = await self._read(receive)
        except TimeoutError:
            await _refuse(
                HTTPStatus.REQUEST_TIMEOUT, "request-timeout", "The body did not arrive in time."
            )(scope, receive, send)
            return
        if len(last.get("body", b"")) > self._max_bytes:
            await _refuse(
                HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
                "body-too-large",
                f"The body exceeds {self._max_bytes} bytes.",
            )(scope, receive, send)
            return
        await self._app(scope, _Replay(last, receive), send)

    async def _read(self, receive: Receive) -> Message:
        """Return the last message with the joined body; stop reading above the limit."""
        body = b""
        message: Message = {"type": "http.request", "more_body": True}
        while message.get("more_body", False) and len(body) <= self._max_bytes:
            message = await receive()
            body += message.get("body", b"")
        return {**message, "body": body} if message["type"] == "http.request" else message


def _refuse(status: HTTPStatus, code: str, detail: str) -> Response:
    return build_problem_response(status, code, detail, headers={"Connection": "close"})


class _Replay:
    """ASGI `receive` that returns the buffered message first, then further messages."""

    def __init__(self, first: Message, receive: Receive) -> None:
        self._first: Message | None = first
        self._receive = receive

    async def __call__(self) -> Message:
        if (first := self._first) is not None:
            self._first = None
            return first
        return await self._receive()


def _has_body(scope: Scope) -> bool:
    headers = Headers(scope=scope)
    return "transfer-encoding" in headers or headers.get("content-length", "0") != "0"
