"""The bound of request bodies, before anything is parsed."""

from http import HTTPStatus

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from movies_service.problems import write_problem


class BodyLimit:
    """Reads each body whole, up to a bound, before the app sees the request.

    Larger ones are answered with a 413, whether they announce their size or not.

    Args:
        app: what answers the others.
        max_bytes: the largest body that is let through.
    """

    def __init__(self, app: ASGIApp, *, max_bytes: int) -> None:
        self._app = app
        self._max_bytes = max_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http" or not _announces_body(scope):
            await self._app(scope, receive, send)
            return
        body = b""
        message: Message = {"type": "http.request", "more_body": True}
        while message.get("more_body", False) and len(body) <= self._max_bytes:
            message = await receive()
            body += message.get("body", b"")
        if len(body) > self._max_bytes:
            await self._refuse(scope, receive, send)
            return
        last = {**message, "body": body} if message["type"] == "http.request" else message
        await self._app(scope, _Replay(last, receive), send)

    async def _refuse(self, scope: Scope, receive: Receive, send: Send) -> None:
        answer = write_problem(
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
            "body-too-large",
            f"The body is larger than the {self._max_bytes} bytes that are read.",
            headers={"Connection": "close"},
        )
        await answer(scope, receive, send)


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
