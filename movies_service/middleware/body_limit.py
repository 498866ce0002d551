"""The bound of request bodies, before anything is parsed."""

import asyncio
from http import HTTPStatus

from fastapi import Response
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from movies_service.http_semantics.problem_details import write_problem


class BodyLimit:
    """Reads each body whole, up to a bound, before the app sees the request.

    Larger ones are answered with a 413, whether they announce their size or not; those that take
    too long with a 408.

    Args:
        app: what answers the others.
        max_bytes: the largest body that is let through.
        timeout_seconds: how long a body may take.
    """

    def __init__(self, app: ASGIApp, *, max_bytes: int, timeout_seconds: float) -> None:
        self._app = app
        self._max_bytes = max_bytes
        self._timeout_seconds = timeout_seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http" or not _announces_body(scope):
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
                f"The body is larger than the {self._max_bytes} bytes that are read.",
            )(scope, receive, send)
            return
        await self._app(scope, _Replay(last, receive), send)

    async def _read(self, receive: Receive) -> Message:
        """Return the last message, with the body of all of them, as far as it is read."""
        body = b""
        message: Message = {"type": "http.request", "more_body": True}
        while message.get("more_body", False) and len(body) <= self._max_bytes:
            message = await receive()
            body += message.get("body", b"")
        return {**message, "body": body} if message["type"] == "http.request" else message


def _refuse(status: HTTPStatus, code: str, detail: str) -> Response:
    return write_problem(status, code, detail, headers={"Connection": "close"})


class _Replay:
    """Gives the message that was read once more, and then what follows."""

    def __init__(self, first: Message, receive: Receive) -> None:
        self._first: Message | None = first
        self._receive = receive

    async def __call__(self) -> Message:
        if (first := self._first) is not None:
            self._first = None
            return first
        return await self._receive()


def _announces_body(scope: Scope) -> bool:
    headers = Headers(scope=scope)
    return "transfer-encoding" in headers or headers.get("content-length", "0") != "0"
