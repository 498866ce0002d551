"""Response cache middleware, the outermost: sends public responses without running the app.

Each response belongs to a revision of the catalogue, which every change of movies advances, so
that a change invalidates everything at once. While the database is unavailable, the last known
responses are served and marked as stale.
"""

import asyncio
from contextlib import suppress

from starlette.types import ASGIApp, Receive, Scope, Send

from movies_service.middleware.access_log import route_of
from movies_service.middleware.rate_limit import consume, is_refused
from movies_service.middleware.request_id import RequestIds
from movies_service.middleware.single_headers import is_host
from movies_service.rate_limiting.rate_limiter import ConnectionTokens, RateLimiter, TokenBatch
from movies_service.rate_limiting.rate_limits import NO_LIMITS, RateLimits
from movies_service.response_cache.cache_key import (
    CacheKey,
    RequestHeaders,
    extract_headers,
    negotiated_encoding,
)
from movies_service.response_cache.cached_response import CachedResponse, Delivery, storable_headers
from movies_service.response_cache.options import CacheOptions
from movies_service.response_cache.recorder import ResponseRecorder, with_cache_status
from movies_service.response_cache.store import CacheHit, ResponseStore

FILL_WAIT_SECONDS = 1.0
"""Longest wait for another request that fills the cache; then the app handles the request."""

_REVISION_MAX_DIGITS = 18
_HIDDEN_FROM_APP = frozenset({b"if-none-match", b"accept-encoding"})

_BYPASS = b"movies-api; fwd=bypass"

_METHODS = frozenset({"GET", "HEAD"})


class ResponseCacheMiddleware:
    """Answers GET and HEAD from the cache, and stores the public responses of the app.

    A request with a credential, a preference or a body neither reads nor fills the cache.

    Args:
        app: handles all other requests.
        options: bounds, the revision and the counters.
        limits: rate limits; they apply to hits, too.
    """

    def __init__(self, app: ASGIApp, options: CacheOptions, limits: RateLimits = NO_LIMITS) -> None:
        self._app = app
        self._limits = limits
        self._limit = limits.requests
        self._revision = options.revision
        self._ttl_seconds = options.ttl_seconds
        self._is_cacheable = options.is_cacheable
        self._clock = options.clock
        self._requests = options.requests
        self._counts = options.counts
        self._store = ResponseStore(options)
        self._fills: dict[CacheKey, asyncio.Future[None]] = {}
        self._ids = RequestIds()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if (
            scope["type"] != "http"
            or scope["method"] not in _METHODS
            or not self._is_cacheable(scope["path"])
        ):
            await self._app(scope, receive, send)
            return
        now, headers = self._clock(), extract_headers(scope)
        if (reason := self._bypass_reason(headers)) is not None:
            await self._app(scope, receive, with_cache_status(send, reason))
            return
        if self._limit is not None:
            send = await consume(scope, send, self._limits, self._limit)
            if is_refused(scope):
                await self._app(scope, receive, send)
                return
        hit = self._store.find(scope, headers, now)
        if hit is None:
            await self._handle_miss(scope, headers, receive, send)
            return
        delivery = self._deliver(headers, hit, now)
        self._count_hit(scope, hit, delivery.status, now)
        request_id = self._ids.accept(headers.request_id)
        for message in delivery.to_messages(scope["method"], request_id):
            await send(message)

    def get_raw_response(
        self, scope: Scope, connection_tokens: ConnectionTokens
    ) -> tuple[bytes, bytes] | None:
        """Return a hit as bytes for the socket and count it; return `None` if the app has to run.

        Args:
            scope: the request.
            connection_tokens: rate-limit tokens of the connection.

        Shape: status line and headers without the final empty line; the body.
        """
        now, headers = self._clock(), extract_headers(scope)
        if scope["method"] not in _METHODS or self._bypass_reason(headers) is not None:
            return None
        hit = self._store.find(scope, headers, now)
        if hit is None:
            return None
        limit, batch = self._limit, connection_tokens.batch
        if limit is not None:
            if batch is not None and batch.tokens > 0 and now < batch.expires_at:
                batch.tokens -= 1
            elif (batch := self._consume_token(limit, scope, connection_tokens, now)) is None:
                return None
        delivery = self._deliver(headers, hit, now)
        head, body = delivery.head, delivery.body
        request_id = self._ids.accept(headers.request_id)
        if limit is None or batch is None:
            head = b"%bx-request-id: %b\r\n" % (head, request_id)
        else:
            remaining, seconds = batch.tokens + batch.window_remaining, batch.expires_at - now
            head = limit.header_template % (head, request_id, remaining, seconds)
        self._count_hit(scope, hit, delivery.status, now)
        return head, b"" if scope["method"] == "HEAD" else body

    def _consume_token(
        self, limit: RateLimiter, scope: Scope, connection_tokens: ConnectionTokens, now: float
    ) -> TokenBatch | None:
        """Consume a token of the client, and let its connection keep the batch."""
        batch = limit.try_consume(self._limits.addresses.of(scope), now)
        if not self._limits.addresses.trusts_proxies:
            connection_tokens.batch = batch
        return batch

    def _bypass_reason(self, headers: RequestHeaders) -> bytes | None:
        """Return the Cache-Status of a request that bypasses the cache, or `None`."""
        if headers.exclusion is not None or not is_host(headers.host):
            return _BYPASS
        if not (seen := headers.seen_revision):
            return None
        is_number = seen.isdigit() and len(seen) <= _REVISION_MAX_DIGITS
        is_known = is_number and int(seen) <= self._revision.number
        return None if is_known else b"movies-api; fwd=request"

    def _count_hit(self, scope: Scope, hit: CacheHit, status: int, started: float) -> None:
        self._counts.hits += 1
        self._requests.add((scope["method"], hit[0].route, status), self._clock() - started)

    def _deliver(self, headers: RequestHeaders, hit: CacheHit, now: float) -> Delivery:
        """Return what is sent for a hit: a 304 if the client has the response, else a 200."""
        response, variant = hit
        if now >= variant.refreshed_until:
            variant.refresh(response.expires_at - now, now)
        tag = headers.if_none_match
        if tag and (tag == variant.etag or response.matches_if_none_match(tag)):
            return variant.not_modified
        return variant.full

    async def _handle_miss(
        self, scope: Scope, headers: RequestHeaders, receive: Receive, send: Send
    ) -> None:
        """Run the app; concurrent requests for the same key share one run."""
        key, response = self._store.key_of(scope, headers), None
        if key is None:
            await self._app(scope, receive, with_cache_status(send, _BYPASS))
            return
        self._counts.misses += 1
        stale = self._store.find_stale(key)
        if stale is not None and self._revision.is_unavailable():
            await self._send_stale(stale, scope, headers, send)
            return
        if key in self._fills:
            response = await self._wait_for_fill(key)
        elif scope["method"] == "GET":
            recorder = ResponseRecorder(send, hides_unavailable=stale is not None)
            response = await self._fill(key, recorder, scope, receive)
            if stale is not None and recorder.is_unavailable:
                await self._send_stale(stale, scope, headers, send)
                return
            if response is None:
                return
            headers.request_id = recorder.request_id
        if response is None:
            await self._app(scope, receive, with_cache_status(send, b"movies-api; fwd=miss"))
            return
        await self._send(response, b"movies-api; fwd=miss; stored", scope, headers, send)

    async def _send(
        self,
        response: CachedResponse,
        cache_status: bytes,
        scope: Scope,
        headers: RequestHeaders,
        send: Send,
    ) -> int:
        """Send a stored response with this Cache-Status, and return the status."""
        hit = response, response.variant(negotiated_encoding(headers.accept_encoding))
        delivery = self._deliver(headers, hit, self._clock())
        request_id = self._ids.accept(headers.request_id)
        for message in delivery.to_messages(scope["method"], request_id, cache_status):
            await send(message)
        return delivery.status

    async def _send_stale(
        self, response: CachedResponse, scope: Scope, headers: RequestHeaders, send: Send
    ) -> None:
        """Send the last known response, marked as possibly outdated."""
        now = self._clock()
        ttl_seconds = min(response.expires_at, self._revision.fresh_until) - now
        cache_status = b"movies-api; hit; ttl=%d; detail=database-unavailable" % ttl_seconds
        status = await self._send(response, cache_status, scope, headers, send)
        self._counts.stale += 1
        self._requests.add((scope["method"], response.route, status), self._clock() - now)

    async def _wait_for_fill(self, key: CacheKey) -> CachedResponse | None:
        """Return the response that another request stores; `None` if it stores none in time."""
        with suppress(TimeoutError):
            async with asyncio.timeout(FILL_WAIT_SECONDS):
                await asyncio.shield(self._fills[key])
        return self._store.find_fresh(key, self._clock())

    async def _fill(
        self, key: CacheKey, recorder: ResponseRecorder, scope: Scope, receive: Receive
    ) -> CachedResponse | None:
        """Run the app, store its response if it is public, and wake the waiting requests."""
        fill = self._fills[key] = asyncio.get_running_loop().create_future()
        try:
            return await self._run_app(key, recorder, scope, receive)
        finally:
            del self._fills[key]
            fill.set_result(None)

    async def _run_app(
        self, key: CacheKey, recorder: ResponseRecorder, scope: Scope, receive: Receive
    ) -> CachedResponse | None:
        """Run the app for the unencoded response, and store it if it is public."""
        revision = self._revision.number
        headers = [header for header in scope["headers"] if header[0] not in _HIDDEN_FROM_APP]
        plain_scope = {**scope, "headers": headers}
        await self._app(plain_scope, receive, recorder)
        if not recorder.is_storable:
            return None
        response = CachedResponse(
            key_bytes=sum(map(len, key)),
            route=route_of(plain_scope),
            revision=revision,
            expires_at=self._clock() + self._ttl_seconds,
            etag=recorder.etag,
            headers=storable_headers(recorder.headers),
            body=bytes(recorder.body),
        )
        self._store.put(key, response)
        return response
