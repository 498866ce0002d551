"""Response recorder: holds back public responses for the cache, and forwards all others."""

from http import HTTPStatus

from starlette.types import Message, Send

from movies_service.response_cache.cached_response import Headers

_PUBLIC = b"public"


class ResponseRecorder:
    """ASGI `send` that records public responses, and forwards all other messages at once.

    Args:
        send: the `send` of the client.
        hides_unavailable: whether a 503 is held back, since a stale response can replace it.
    """

    def __init__(self, send: Send, *, hides_unavailable: bool = False) -> None:
        self._send = with_cache_status(send, b"movies-api; fwd=miss")
        self._hides_unavailable = hides_unavailable
        self.is_storable = self.is_unavailable = False
        self.headers: Headers = []
        self.etag = self.request_id = b""
        self.body = bytearray()

    async def __call__(self, message: Message) -> None:
        """Record or forward one message of the app."""
        if message["type"] == "http.response.start":
            self.headers = list(message["headers"])
            values = dict(self.headers)
            self.etag = values.get(b"etag", b"")
            self.request_id = values.get(b"x-request-id", b"")
            is_public = _PUBLIC in values.get(b"cache-control", b"")
            self.is_storable = message["status"] == HTTPStatus.OK and is_public and bool(self.etag)
            self.is_unavailable = message["status"] == HTTPStatus.SERVICE_UNAVAILABLE
        if self.is_unavailable and self._hides_unavailable:
            return
        if not self.is_storable:
            await self._send(message)
        elif message["type"] == "http.response.body":
            self.body += message.get("body", b"")


def with_cache_status(send: Send, status: bytes) -> Send:
    """Return a `send` that adds a Cache-Status header.

    Source: RFC 9211.
    """

    async def send_with_status(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = [*message["headers"], (b"cache-status", status)]
            message = {**message, "headers": headers}
        await send(message)

    return send_with_status
