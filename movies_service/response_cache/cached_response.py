"""Cached responses: body and headers in each encoding, ready to be sent."""

import gzip
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

import brotli
from starlette.types import Message

from movies_service.http_semantics.content_negotiation import BR, GZIP, IDENTITY
from movies_service.middleware.request_id import RAW_HEADER

Headers = list[tuple[bytes, bytes]]

RawRequestKey = tuple[str, bytes, bytes, bytes | None]
"""Unparsed path, query, Accept-Encoding and Origin of a request."""

COMPRESSED_MIN_BYTES = 512
"""Smallest body that is compressed; smaller ones gain nothing."""

LARGE_BYTES = 32_768
"""Body from which on compressing is fast instead of thorough, since the event loop waits for it: a
third of the time or less for a tenth more bytes."""

REQUEST_KEYS_MAX = 4
REQUEST_KEY_MAX_BYTES = 512
"""Number and size of the raw request keys of a response; other spellings of the request take the
slower lookup."""

_OVERHEAD_BYTES = 6_000
"""Size of a response with all variants, without its body, its key and its own headers."""

_BROTLI_QUALITY, _GZIP_LEVEL = 5, 6
_FAST = 1
_NOT_STORED = frozenset(
    {
        b"etag",
        b"content-length",
        b"x-request-id",
        b"vary",
        b"cache-status",
        b"ratelimit",
        b"ratelimit-policy",
    }
)
_NOT_IN_304 = frozenset({b"content-type"})
_STATUS_LINES = {200: b"HTTP/1.1 200 OK\r\n", 304: b"HTTP/1.1 304 Not Modified\r\n"}
_ETAG = re.compile(rb'(?:W/)?("[^"]*")')

_COMPRESS: dict[bytes, Callable[[bytes], bytes]] = {
    BR: lambda body: brotli.compress(body, quality=_level(body, _BROTLI_QUALITY)),
    GZIP: lambda body: gzip.compress(body, compresslevel=_level(body, _GZIP_LEVEL), mtime=0),
}


def _level(body: bytes, thorough: int) -> int:
    return thorough if len(body) < LARGE_BYTES else _FAST


class Delivery(NamedTuple):
    """What is sent for a cached response, without what differs between requests.

    Both transports send it: the middleware as messages, the protocol as bytes.
    """

    status: int
    """200, or 304 for a client that has the response."""
    headers: Headers
    """Current headers; the last one is `Cache-Status`."""
    head: bytes
    """Status line and headers in HTTP/1.1 wire format, without the final empty line."""
    body: bytes

    def to_messages(
        self, method: str, request_id: bytes, cache_status: bytes | None = None
    ) -> tuple[Message, Message]:
        """Return the ASGI messages of the response to one request.

        Args:
            method: method of the request; a response to HEAD has no body.
            request_id: ID of the request.
            cache_status: replaces the `Cache-Status` of a plain hit.
        """
        headers = self.headers
        if cache_status is not None:
            headers = [*headers[:-1], (b"cache-status", cache_status)]
        start = {
            "type": "http.response.start",
            "status": self.status,
            "headers": [*headers, (RAW_HEADER, request_id)],
        }
        body = b"" if method == "HEAD" else self.body
        return start, {"type": "http.response.body", "body": body}


@dataclass(slots=True)
class EncodedResponse:
    """A response in one encoding; its deliveries are rebuilt once a second."""

    etag: bytes
    headers: Headers
    """Headers of a 200 that stay constant."""
    not_modified_headers: Headers
    """Headers of a 304 that stay constant."""
    body: bytes
    full: Delivery = field(init=False)
    not_modified: Delivery = field(init=False)
    refreshed_until: float = 0
    """Expiry of the deliveries on the cache's clock."""

    def refresh(self, ttl_seconds: float, now: float) -> None:
        """Rebuild the deliveries for the next second of a response.

        Args:
            ttl_seconds: remaining lifetime of the response.
            now: time on the cache's clock.
        """
        cache_status = (b"cache-status", b"movies-api; hit; ttl=%d" % ttl_seconds)
        self.full = _build_delivery(200, [*self.headers, cache_status], self.body)
        self.not_modified = _build_delivery(304, [*self.not_modified_headers, cache_status], b"")
        self.refreshed_until = now + 1


def _build_delivery(status: int, headers: Headers, body: bytes) -> Delivery:
    lines = b"".join([b"%b: %b\r\n" % header for header in headers])
    return Delivery(status, headers, _STATUS_LINES[status] + lines, body)


@dataclass(slots=True)
class CachedResponse:
    """A stored response of the app with status 200.

    Args:
        key_bytes: size of the key under which it is stored.
        route: path template of the endpoint, for counters.
        revision: catalogue revision of the content.
        expires_at: expiry on the cache's clock.
        etag: ETag of the unencoded body.
        headers: headers that are the same for every request.
        body: the unencoded body.
    """

    key_bytes: int
    route: str
    revision: int
    expires_at: float
    etag: bytes
    headers: Headers
    body: bytes
    variants: dict[bytes, EncodedResponse] = field(default_factory=dict)
    request_keys: list[RawRequestKey] = field(default_factory=list)
    """Raw requests that the store maps to this response."""

    def __len__(self) -> int:
        """Return the size in bytes with all variants, their headers and all request keys."""
        headers = sum(len(name) + len(value) for name, value in self.headers)
        return _OVERHEAD_BYTES + 2 * self.key_bytes + 4 * headers + 3 * len(self.body)

    def variant(self, encoding: bytes) -> EncodedResponse:
        """Return the response in an encoding; each encoding is computed once."""
        if (existing := self.variants.get(encoding)) is not None:
            return existing
        if encoding is IDENTITY or len(self.body) < COMPRESSED_MIN_BYTES:
            variant = self._build(self.body, self.etag, [])
        else:
            etag = self.etag[:-1] + b"-" + encoding + b'"'
            variant = self._build(
                _COMPRESS[encoding](self.body), etag, [(b"content-encoding", encoding)]
            )
        self.variants[encoding] = variant
        return variant

    def matches_if_none_match(self, if_none_match: bytes) -> bool:
        """Return whether the header matches this response in any encoding."""
        if if_none_match.strip() == b"*":
            return True
        bare = self.etag[:-1]
        named = {bare + suffix + b'"' for suffix in (b"", b"-gzip", b"-br")}
        return not named.isdisjoint(_ETAG.findall(if_none_match))

    def _build(self, body: bytes, etag: bytes, extra: Headers) -> EncodedResponse:
        shared = [*self.headers, (b"etag", etag), (b"vary", b"Accept-Encoding, Origin")]
        return EncodedResponse(
            etag,
            [*shared, *extra, (b"content-length", b"%d" % len(body))],
            [header for header in shared if header[0] not in _NOT_IN_304],
            body,
        )


def storable_headers(headers: Headers) -> Headers:
    """Return the headers that are the same for every request of a response."""
    return [header for header in headers if header[0].lower() not in _NOT_STORED]
