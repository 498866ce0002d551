"""Delivery of a cached response to one request, as ASGI messages or as bytes for the socket."""

from http import HTTPStatus
from typing import NamedTuple

from starlette.types import Message

from movies_service.middleware.request_id import RAW_HEADER
from movies_service.rate_limiting.rate_limiter import RateLimiter, TokenBatch
from movies_service.response_cache.cached_response import EncodedResponse

NOT_MODIFIED = HTTPStatus.NOT_MODIFIED.value


class Delivery(NamedTuple):
    """A cached response to one request.

    Args:
        status: 200, or 304 if the client has the response.
        variant: the response in an encoding that the client accepts, with current headers.
        request_id: ID of the request.
        has_body: whether the response has a body: not for HEAD and for 304.
    """

    status: int
    variant: EncodedResponse
    request_id: bytes
    has_body: bool

    def to_messages(self, cache_status: bytes | None = None) -> tuple[Message, Message]:
        """Return the ASGI messages; `cache_status` replaces that of a plain hit."""
        headers = self.variant.headers[self.status]
        if cache_status is not None:
            headers = [*headers[:-1], (b"cache-status", cache_status)]
        start = {
            "type": "http.response.start",
            "status": self.status,
            "headers": [*headers, (RAW_HEADER, self.request_id)],
        }
        return start, {"type": "http.response.body", "body": self._body}

    def to_bytes(
        self, limit: RateLimiter | None, batch: TokenBatch | None, now: float
    ) -> tuple[bytes, bytes]:
        """Return status line and headers without the final empty line, and the body.

        Args:
            limit: rate limit of requests; `None` without one.
            batch: token batch of the client.
            now: time on the limiter's clock.
        """
        head = self.variant.heads[self.status]
        if limit is None or batch is None:
            return b"%bx-request-id: %b\r\n" % (head, self.request_id), self._body
        remaining, seconds = batch.tokens + batch.window_remaining, batch.expires_at - now
        return limit.header_template % (head, self.request_id, remaining, seconds), self._body

    @property
    def _body(self) -> bytes:
        return self.variant.body if self.has_body else b""
