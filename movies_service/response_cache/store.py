"""Store of cached responses, with an index by raw request for fast hits."""

from starlette.types import Scope

from common.bounded_cache import BoundedCache
from movies_service.http_semantics.query_parameters import has_too_many
from movies_service.response_cache.cache_key import (
    CacheKey,
    RequestHeaders,
    cache_key,
    negotiated_encoding,
)
from movies_service.response_cache.cached_response import (
    REQUEST_KEY_MAX_BYTES,
    REQUEST_KEYS_MAX,
    CachedResponse,
    EncodedResponse,
    RawRequestKey,
)
from movies_service.response_cache.options import CacheOptions

_KEY = "movies.cache_key"
"""Scope key of the cache key: the protocol and the middleware look up the same request."""

CacheHit = tuple[CachedResponse, EncodedResponse]
"""A cached response, and its variant in the encoding that the client accepts."""


class ResponseStore:
    """Bounded store of responses; each belongs to a catalogue revision.

    Args:
        options: bounds, the revision and the counters.
    """

    def __init__(self, options: CacheOptions) -> None:
        self._revision = options.revision
        self._counts = options.counts
        self._origins = frozenset(origin.encode() for origin in options.cors_origins)
        self._responses = BoundedCache(
            max_bytes=options.max_bytes,
            max_entries=options.max_entries,
            ttl_seconds=options.ttl_seconds + options.stale_seconds,
            size_of=len,
            on_forget=self._drop_hits,
            clock=options.clock,
        )
        self._hits: dict[RawRequestKey, CacheHit] = {}
        """Index of stored responses by raw request; saves normalising the query."""

    def find(self, scope: Scope, headers: RequestHeaders, now: float) -> CacheHit | None:
        """Return the fresh response to a request in an accepted encoding, or `None`."""
        request_key = (
            scope["path"],
            scope["query_string"],
            headers.accept_encoding,
            headers.origin,
        )
        hit = self._hits.get(request_key)
        if hit is None:
            key = self.key_of(scope, headers)
            response: CachedResponse | None = None if key is None else self._responses.get(key)
            if response is None:
                return None
            hit = response, response.variant(negotiated_encoding(headers.accept_encoding))
            if len(response.request_keys) < REQUEST_KEYS_MAX and _is_short(request_key):
                self._hits[request_key] = hit
                response.request_keys.append(request_key)
        # The rule of `_is_fresh`, without the call: every hit passes here.
        response, revision = hit[0], self._revision
        if now >= response.expires_at or now >= revision.fresh_until:
            return None
        return hit if response.revision == revision.number else None

    def key_of(self, scope: Scope, headers: RequestHeaders) -> CacheKey | None:
        """Return the key under which the response to a request is stored, computed once.

        Returns:
            `None` if the query has too many parameters for the app, and is not parsed.
        """
        if _KEY not in scope:
            is_refused = has_too_many(scope["query_string"])
            scope[_KEY] = None if is_refused else cache_key(scope, headers, self._origins)
        key: CacheKey | None = scope[_KEY]
        return key

    def find_fresh(self, key: CacheKey, now: float) -> CachedResponse | None:
        """Return the fresh response under a key, or `None`."""
        response: CachedResponse | None = self._responses.get(key)
        return response if response is not None and self._is_fresh(response, now) else None

    def find_stale(self, key: CacheKey) -> CachedResponse | None:
        """Return the response under a key if it has the newest known revision, at any age."""
        response: CachedResponse | None = self._responses.get(key)
        is_newest = response is not None and response.revision == self._revision.number
        return response if is_newest else None

    def put(self, key: CacheKey, response: CachedResponse) -> None:
        """Store a response; evict the least recently used ones beyond the limits."""
        self._responses.put(key, response)
        self._counts.entries = len(self._responses)
        self._counts.bytes = self._responses.currsize
        self._counts.evictions = self._responses.evictions

    def _is_fresh(self, response: CachedResponse, now: float) -> bool:
        revision = self._revision
        is_unexpired = now < response.expires_at and now < revision.fresh_until
        return is_unexpired and response.revision == revision.number

    def _drop_hits(self, response: CachedResponse) -> None:
        for request_key in response.request_keys:
            del self._hits[request_key]


def _is_short(key: RawRequestKey) -> bool:
    path, query, accept_encoding, origin = key
    return (
        len(path) + len(query) + len(accept_encoding) + len(origin or b"") <= REQUEST_KEY_MAX_BYTES
    )
