"""Response cache middleware, the outermost: sends public responses without running the app.

Each response belongs to a revision of the catalogue, which every change of movies advances, so
that a change invalidates everything at once. While the database is unavailable, the last known
responses are served and marked as stale.
"""

import asyncio
from http import HTTPStatus

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from movies_service.middleware.access_log import route_of
from movies_service.middleware.host_header import is_host
from movies_service.middleware.rate_limit import consume, is_refused
from movies_service.middleware.request_id import RAW_HEADER, RequestIds
from movies_service.rate_limiting.rate_limiter import ConnectionTokens, RateLimiter, TokenBatch
from movies_service.rate_limiting.rate_limits import NO_LIMITS, RateLimits
from movies_service.response_cache.cache_key import (
    CacheKey,
    RequestHeaders,
    cache_key,
    extract_headers,
    negotiated_encoding,
)
from movies_service.response_cache.cached_response import CachedResponse, storable_headers
from movies_service.response_cache.options import CacheOptions
from movies_service.response_cache.recorder import ResponseRecorder, with_cache_status
from movies_service.response_cache.store import CacheHit, ResponseStore

_REVISION_MAX_DIGITS = 18
_NOT_MODIFIED = HTTPStatus.NOT_MODIFIED.value
_EMPTY_BODY: Message = {"type": "http.response.body", "body": b""}
_HIDDEN_FROM_APP = frozenset({b"if-none-match", b"accept-encoding"})

_METHODS = frozenset({"GET", "HEAD"})


class ResponseCacheMiddleware:
    """Answers GET and HEAD from the cache, and stores the public responses of the app.

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
        self._clock = options.clock
        self._requests = options.requests
        self._counts = options.counts
        self._store = ResponseStore(options)
        self._fills: dict[CacheKey, asyncio.Future[None]] = {}
        self._ids = RequestIds()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http" or scope["method"] not in _METHODS:
            await self._app(scope, receive, send)
            return
        now, headers = self._clock(), extract_headers(scope)
        if headers.credential or not is_host(headers.host):
            await self._app(scope, receive, with_cache_status(send, b"movies-api; fwd=bypass"))
            return
        if self._is_older_than_seen(headers.seen_revision):
            await self._app(scope, receive, with_cache_status(send, b"movies-api; fwd=request"))
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
        start, body = self._messages(hit, headers, now)
        await send(start)
        await send(_EMPTY_BODY if scope["method"] == "HEAD" else body)
        self._count_hit(scope, hit, start["status"], now)

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
        if headers.credential or scope["method"] not in _METHODS or not is_host(headers.host):
            return None
        if headers.seen_revision and self._is_older_than_seen(headers.seen_revision):
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
        status = self._status(hit, headers, now)
        variant = hit[1]
        head, body = variant.heads[status], variant.body["body"]
        request_id = self._ids.accept(headers.request_id)
        if limit is None or batch is None:
            head = b"%bx-request-id: %b\r\n" % (head, request_id)
        else:
            remaining, seconds = batch.tokens + batch.window_remaining, batch.expires_at - now
            head = limit.header_template % (head, request_id, remaining, seconds)
        self._count_hit(scope, hit, status, now)
        return head, b"" if status == _NOT_MODIFIED or scope["method"] == "HEAD" else body

    def _consume_token(
        self, limit: RateLimiter, scope: Scope, connection_tokens: ConnectionTokens, now: float
    ) -> TokenBatch | None:
        """Consume a token of the client, and let its connection keep the batch."""
        batch = limit.try_consume(self._limits.addresses.of(scope), now)
        if not self._limits.addresses.trusts_proxies:
            connection_tokens.batch = batch
        return batch

    def _is_older_than_seen(self, seen_revision: bytes) -> bool:
        """Return whether the client may have seen a newer revision than this process."""
        if not seen_revision:
            return False
        is_number = seen_revision.isdigit() and len(seen_revision) <= _REVISION_MAX_DIGITS
        return not (is_number and int(seen_revision) <= self._revision.number)

    def _count_hit(self, scope: Scope, hit: CacheHit, status: int, started: float) -> None:
        self._counts.hits += 1
        self._requests.add((scope["method"], hit[0].route, status), self._clock() - started)

    def _status(self, hit: CacheHit, headers: RequestHeaders, now: float) -> int:
        """Return 304 if the client has the response, else 200; refresh the response headers."""
        response, variant = hit
        if now >= variant.refreshed_until:
            variant.refresh_headers(response.expires_at - now, now)
        tag = headers.if_none_match
        is_match = tag and (tag == variant.etag or response.matches_if_none_match(tag))
        return _NOT_MODIFIED if is_match else 200

    def _messages(
        self, hit: CacheHit, headers: RequestHeaders, now: float, cache_status: bytes | None = None
    ) -> tuple[Message, Message]:
        """Return the ASGI messages of a hit; `cache_status` replaces that of a plain hit."""
        status = self._status(hit, headers, now)
        variant = hit[1]
        response_headers = variant.headers[status]
        if cache_status is not None:
            response_headers = [*response_headers[:-1], (b"cache-status", cache_status)]
        request_id = (RAW_HEADER, self._ids.accept(headers.request_id))
        start = {
            "type": "http.response.start",
            "status": status,
            "headers": [*response_headers, request_id],
        }
        return start, _EMPTY_BODY if status == _NOT_MODIFIED else variant.body

    async def _handle_miss(
        self, scope: Scope, headers: RequestHeaders, receive: Receive, send: Send
    ) -> None:
        """Run the app; concurrent requests for the same key share one run."""
        self._counts.misses += 1
        key, response = cache_key(scope, headers), None
        stale = self._store.find_stale(key)
        if stale is not None and self._revision.is_unavailable():
            await self._send_stale(stale, scope, headers, send)
            return
        fill = self._fills.get(key)
        if fill is not None:
            await asyncio.shield(fill)
            response = self._store.find_fresh(key, self._clock())
        elif scope["method"] == "GET":
            fill = self._fills[key] = asyncio.get_running_loop().create_future()
            recorder = ResponseRecorder(send, hides_unavailable=stale is not None)
            try:
                response = await self._fill(key, recorder, scope, receive)
            finally:
                del self._fills[key]
                fill.set_result(None)
            if stale is not None and recorder.is_unavailable:
                await self._send_stale(stale, scope, headers, send)
                return
            if response is None:
                return
            headers.request_id = recorder.request_id
        if response is None:
            await self._app(scope, receive, with_cache_status(send, b"movies-api; fwd=miss"))
            return
        hit = response, response.variant(negotiated_encoding(headers.accept_encoding))
        stored = b"movies-api; fwd=miss; stored"
        for message in self._messages(hit, headers, self._clock(), stored):
            await send(message)

    async def _send_stale(
        self, response: CachedResponse, scope: Scope, headers: RequestHeaders, send: Send
    ) -> None:
        """Send the last known response, marked as possibly outdated."""
        now = self._clock()
        ttl_seconds = min(response.expires_at, self._revision.fresh_until) - now
        status = b"movies-api; hit; ttl=%d; detail=database-unavailable" % ttl_seconds
        hit = response, response.variant(negotiated_encoding(headers.accept_encoding))
        start, body = self._messages(hit, headers, now, status)
        await send(start)
        await send(_EMPTY_BODY if scope["method"] == "HEAD" else body)
        self._counts.stale += 1
        self._requests.add((scope["method"], response.route, start["status"]), self._clock() - now)

    async def _fill(
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
            route=route_of(plain_scope),
            revision=revision,
            expires_at=self._clock() + self._ttl_seconds,
            etag=recorder.etag,
            headers=storable_headers(recorder.headers),
            body=bytes(recorder.body),
        )
        self._store.put(key, response)
        return response
