"""What the app answers to the cache: kept if it is for everybody, else passed on."""

from http import HTTPStatus

from starlette.types import Message, Send

from movies_service.response_cache.cached_response import Headers

_PUBLIC = b"public"


class Recorder:
    """Takes the place of `send`: keeps what is for everybody, passes the rest on as it comes.

    Args:
        send: of the client who has asked.
        has_better: whether there is something better to send than that the app can't serve.
    """

    def __init__(self, send: Send, *, has_better: bool = False) -> None:
        self._send = with_status(send, b"movies-api; fwd=miss")
        self._has_better = has_better
        self.is_storable = self.is_unavailable = False
        self.headers: Headers = []
        self.etag = self.request_id = b""
        self.body = bytearray()

    async def __call__(self, message: Message) -> None:
        """Take one message of the app."""
        if message["type"] == "http.response.start":
            self.headers = list(message["headers"])
            values = dict(self.headers)
            self.etag = values.get(b"etag", b"")
            self.request_id = values.get(b"x-request-id", b"")
            is_public = _PUBLIC in values.get(b"cache-control", b"")
            self.is_storable = message["status"] == HTTPStatus.OK and is_public and bool(self.etag)
            self.is_unavailable = message["status"] == HTTPStatus.SERVICE_UNAVAILABLE
        if self.is_unavailable and self._has_better:
            return
        if not self.is_storable:
            await self._send(message)
        elif message["type"] == "http.response.body":
            self.body += message.get("body", b"")


def with_status(send: Send, status: bytes) -> Send:
    """Return a `send` that adds what the cache did; see RFC 9211."""

    async def send_with_status(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = [*message["headers"], (b"cache-status", status)]
            message = {**message, "headers": headers}
        await send(message)

    return send_with_status
