"""Answers that are ready to be sent: their bytes and headers, in each encoding."""

import gzip
import re
from collections.abc import Callable
from dataclasses import dataclass, field

import brotli
from starlette.types import Message

Headers = list[tuple[bytes, bytes]]

ReadyKey = tuple[str, bytes, bytes, bytes]
"""Path and query as a request has them, its Accept-Encoding, its Origin."""

IDENTITY, GZIP, BR = b"identity", b"gzip", b"br"

COMPRESSED_MIN_BYTES = 512
"""Smaller bodies gain nothing."""

_BROTLI_QUALITY, _GZIP_LEVEL = 5, 6
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
    BR: lambda body: brotli.compress(body, quality=_BROTLI_QUALITY),
    GZIP: lambda body: gzip.compress(body, compresslevel=_GZIP_LEVEL, mtime=0),
}


@dataclass(slots=True)
class Variant:
    """One encoding of an answer; its headers are written anew when a second has passed."""

    etag: bytes
    lasting_headers: dict[int, Headers]
    """By status, 200 and 304."""
    body: Message
    ready_until: float = 0
    """On the cache's clock."""
    headers: dict[int, Headers] = field(default_factory=dict)
    """Those of this second, by status."""
    heads: dict[int, bytes] = field(default_factory=dict)
    """The same with the status line, as they go over the wire."""

    def be_ready(self, ttl_seconds: float, now: float) -> None:
        """Write the headers for the next second of an answer that holds for so long."""
        cache_status = (b"cache-status", b"movies-api; hit; ttl=%d" % ttl_seconds)
        for status, lasting in self.lasting_headers.items():
            self.headers[status] = headers = [*lasting, cache_status]
            lines = b"".join([b"%b: %b\r\n" % header for header in headers])
            self.heads[status] = _STATUS_LINES[status] + lines
        self.ready_until = now + 1


@dataclass(slots=True)
class CachedAnswer:
    """A 200 as the app has given it.

    Args:
        route: that has answered, for counting.
        revision: of the catalogue that it is about.
        expires_at: on the cache's clock.
        etag: of the app.
        headers: without those that differ from answer to answer.
        body: not encoded.
    """

    route: str
    revision: int
    expires_at: float
    etag: bytes
    headers: Headers
    body: bytes
    variants: dict[bytes, Variant] = field(default_factory=dict)
    ready_keys: list[ReadyKey] = field(default_factory=list)
    """Under which requests the cache has it at hand."""

    def __len__(self) -> int:
        """Return about how many bytes it takes, its variants included."""
        return 3 * len(self.body)

    def variant(self, encoding: bytes) -> Variant:
        """Return the answer in an encoding; it is encoded once."""
        if (known := self.variants.get(encoding)) is not None:
            return known
        if encoding is IDENTITY or len(self.body) < COMPRESSED_MIN_BYTES:
            made = self._make(self.body, self.etag, [])
        else:
            etag = self.etag[:-1] + b"-" + encoding + b'"'
            made = self._make(
                _COMPRESS[encoding](self.body), etag, [(b"content-encoding", encoding)]
            )
        self.variants[encoding] = made
        return made

    def is_named_by(self, if_none_match: bytes) -> bool:
        """Tell whether the client has this answer, in whatever encoding."""
        if if_none_match.strip() == b"*":
            return True
        bare = self.etag[:-1]
        named = {bare + suffix + b'"' for suffix in (b"", b"-gzip", b"-br")}
        return not named.isdisjoint(_ETAG.findall(if_none_match))

    def _make(self, body: bytes, etag: bytes, more: Headers) -> Variant:
        shared = [*self.headers, (b"etag", etag), (b"vary", b"Accept-Encoding, Origin")]
        return Variant(
            etag,
            {
                200: [*shared, *more, (b"content-length", b"%d" % len(body))],
                304: [header for header in shared if header[0] not in _NOT_IN_304],
            },
            {"type": "http.response.body", "body": body},
        )


def storable_headers(headers: Headers) -> Headers:
    """Return the headers of an answer that are the same for everybody who gets it."""
    return [header for header in headers if header[0].lower() not in _NOT_STORED]


def negotiate(accept_encoding: bytes) -> bytes:
    """Return the best encoding that a client takes.

    Source: RFC 9110, section 12.5.3; of equal weights the smaller result wins.
    """
    weights: dict[bytes, float] = {}
    for part in accept_encoding.lower().split(b","):
        name, _, parameter = part.strip().partition(b";")
        try:
            weights[name.strip()] = float(parameter.strip().removeprefix(b"q=") or 1)
        except ValueError:
            weights[name.strip()] = 0
    anything = weights.get(b"*", 0)
    for encoding in (BR, GZIP):
        if weights.get(encoding, anything) > 0:
            return encoding
    return IDENTITY
