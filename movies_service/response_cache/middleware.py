"""The cache in front of everything: a public answer that is known is sent as it is.

Nothing of the app runs for it. Each answer belongs to a revision of the catalogue, which every
change of films advances: what was cached before is out of reach at once. While the database is
away, what it said last is given on, marked as stale.
"""

import asyncio
from http import HTTPStatus

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from common.bounded_cache import BoundedCache
from movies_service.middleware.host_header import is_host
from movies_service.middleware.rate_limit import admit, is_refused
from movies_service.middleware.request_id import RAW_HEADER, RequestIds, route_of
from movies_service.rate_limiting.rate_limiter import Allowance, Purse, RateLimit
from movies_service.rate_limiting.rate_limits import NO_LIMITS, Limits
from movies_service.response_cache.cache_key import (
    CREDENTIAL,
    ENCODINGS,
    FOR_HOST,
    IF_NONE_MATCH,
    ORIGIN,
    REQUEST_ID,
    SEEN_REVISION,
    Key,
    Wants,
    key_of,
    negotiated,
    read_wants,
)
from movies_service.response_cache.cached_response import (
    CachedAnswer,
    ReadyKey,
    Variant,
    storable_headers,
)
from movies_service.response_cache.options import CacheOptions
from movies_service.response_cache.recorder import Recorder, with_status

_READY_KEYS_MAX = 16
"""In how many ways one answer is at hand; who asks for it in further ways waits a little."""

_REVISION_MAX_DIGITS = 18
_NOTHING: Message = {"type": "http.response.body", "body": b""}
_HIDDEN_FROM_APP = frozenset({b"if-none-match", b"accept-encoding"})

_METHODS = frozenset({"GET", "HEAD"})

Ready = tuple[CachedAnswer, Variant]


class AnswerCache:
    """Answers GET and HEAD from what it keeps, and keeps what the app answers.

    Args:
        app: what answers the rest.
        options: bounds, and what is counted.
        limits: of each client, to whom what is kept is not free either.
    """

    def __init__(self, app: ASGIApp, options: CacheOptions, limits: Limits = NO_LIMITS) -> None:
        self._app = app
        self._limits = limits
        self._limit = limits.requests
        self._revision = options.revision
        self._ttl_seconds = options.ttl_seconds
        self._clock = options.clock
        self._requests = options.requests
        self._counts = options.counts
        self.answers = BoundedCache(
            max_bytes=options.max_bytes,
            max_entries=options.max_entries,
            ttl_seconds=options.ttl_seconds + options.stale_seconds,
            size_of=len,
            on_forget=self._forget,
            clock=options.clock,
        )
        self._ready: dict[ReadyKey, Ready] = {}
        """The shortest way to what `answers` holds: by what a request says, word for word."""
        self._fills: dict[Key, asyncio.Future[None]] = {}
        self._ids = RequestIds()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http" or scope["method"] not in _METHODS:
            await self._app(scope, receive, send)
            return
        now, wants = self._clock(), read_wants(scope)
        if wants[CREDENTIAL] or not is_host(wants[FOR_HOST]):
            await self._app(scope, receive, with_status(send, b"movies-api; fwd=bypass"))
            return
        if self._is_behind(wants[SEEN_REVISION]):
            await self._app(scope, receive, with_status(send, b"movies-api; fwd=request"))
            return
        if self._limit is not None:
            send = await admit(scope, send, self._limits, self._limit)
            if is_refused(scope):
                await self._app(scope, receive, send)
                return
        ready = self._find(scope, wants, now)
        if ready is None:
            await self._answer_unknown(scope, wants, receive, send)
            return
        start, body = self._messages(ready, wants, now)
        await send(start)
        await send(_NOTHING if scope["method"] == "HEAD" else body)
        self._count_hit(scope, ready, start["status"], now)

    def answer_now(self, scope: Scope, purse: Purse) -> tuple[bytes, bytes] | None:
        """Return an answer that is at hand as it goes over the wire, and count it.

        Args:
            scope: of the request.
            purse: of the connection that it came on.

        Shape: status line and headers without the line that ends them; the body. `None` where
            the app has to be asked.
        """
        now, wants = self._clock(), read_wants(scope)
        if wants[CREDENTIAL] or scope["method"] not in _METHODS or not is_host(wants[FOR_HOST]):
            return None
        if wants[SEEN_REVISION] and self._is_behind(wants[SEEN_REVISION]):
            return None
        ready = self._find(scope, wants, now)
        if ready is None:
            return None
        limit, allowance = self._limit, purse.allowance
        if limit is not None:
            if allowance is not None and allowance.left > 0 and now < allowance.until:
                allowance.left -= 1
            elif (allowance := self._spend(limit, scope, purse, now)) is None:
                return None
        status = self._status(ready, wants, now)
        variant = ready[1]
        head, body = variant.heads[status], variant.body["body"]
        request_id = self._ids.accept(wants[REQUEST_ID])
        if limit is None or allowance is None:
            head = b"%bx-request-id: %b\r\n" % (head, request_id)
        else:
            left, seconds = allowance.left + allowance.rest, allowance.until - now
            head = limit.head % (head, request_id, left, seconds)
        self._count_hit(scope, ready, status, now)
        return head, b"" if status == HTTPStatus.NOT_MODIFIED or scope["method"] == "HEAD" else body

    def _spend(self, limit: RateLimit, scope: Scope, purse: Purse, now: float) -> Allowance | None:
        """Spend of what the client has at hand, and let its connection keep that."""
        allowance = limit.spend(self._limits.addresses.of(scope), now)
        if not self._limits.addresses.trusts_proxies:
            purse.allowance = allowance
        return allowance

    def _find(self, scope: Scope, wants: Wants, now: float) -> Ready | None:
        """Return the answer that still holds, in the encoding that is wanted."""
        ready_key = scope["path"], scope["query_string"], wants[ENCODINGS], wants[ORIGIN]
        ready = self._ready.get(ready_key)
        if ready is None:
            answer: CachedAnswer | None = self.answers.get(key_of(scope, wants))
            if answer is None:
                return None
            ready = answer, answer.variant(negotiated(wants[ENCODINGS]))
            if len(answer.ready_keys) < _READY_KEYS_MAX:
                self._ready[ready_key] = ready
                answer.ready_keys.append(ready_key)
        return ready if self._holds(ready[0], now) else None

    def _holds(self, answer: CachedAnswer, now: float) -> bool:
        known = self._revision
        is_fresh = now < answer.expires_at and now < known.fresh_until
        return is_fresh and answer.revision == known.number

    def _is_behind(self, seen_revision: bytes) -> bool:
        """Tell whether the client may have seen a newer catalogue; then the database is asked."""
        if not seen_revision:
            return False
        is_number = seen_revision.isdigit() and len(seen_revision) <= _REVISION_MAX_DIGITS
        return not (is_number and int(seen_revision) <= self._revision.number)

    def _count_hit(self, scope: Scope, ready: Ready, status: int, started: float) -> None:
        self._counts.hits += 1
        self._requests.add((scope["method"], ready[0].route, status), self._clock() - started)

    def _status(self, ready: Ready, wants: Wants, now: float) -> int:
        """Return whether the client has the answer, 304, or not; have the headers written."""
        answer, variant = ready
        if now >= variant.ready_until:
            variant.be_ready(answer.expires_at - now, now)
        tag = wants[IF_NONE_MATCH]
        return 304 if tag and (tag == variant.etag or answer.is_named_by(tag)) else 200

    def _messages(
        self, ready: Ready, wants: Wants, now: float, status: bytes | None = None
    ) -> tuple[Message, Message]:
        """Return what is sent; without `status` it says that it was a hit, and for how long."""
        code = self._status(ready, wants, now)
        variant = ready[1]
        headers = variant.headers[code]
        if status is not None:
            headers = [*headers[:-1], (b"cache-status", status)]
        headers = [*headers, (RAW_HEADER, self._ids.accept(wants[REQUEST_ID]))]
        start = {"type": "http.response.start", "status": code, "headers": headers}
        return start, _NOTHING if code == HTTPStatus.NOT_MODIFIED else variant.body

    def _forget(self, answer: CachedAnswer) -> None:
        for ready_key in answer.ready_keys:
            del self._ready[ready_key]

    async def _answer_unknown(
        self, scope: Scope, wants: Wants, receive: Receive, send: Send
    ) -> None:
        """Let the app answer; of many who want the same at once, one asks and all get it."""
        self._counts.misses += 1
        key, ready = key_of(scope, wants), None
        stale = self._find_last_known(key)
        if stale is not None and self._revision.is_away():
            await self._send_stale(stale, scope, wants, send)
            return
        filling = self._fills.get(key)
        if filling is not None:
            await asyncio.shield(filling)
            answer = self.answers.get(key)
            if answer is not None and self._holds(answer, self._clock()):
                ready = answer, answer.variant(negotiated(wants[ENCODINGS]))
        elif scope["method"] == "GET":
            filling = self._fills[key] = asyncio.get_running_loop().create_future()
            recorder = Recorder(send, has_better=stale is not None)
            try:
                answer = await self._fill(key, recorder, scope, receive)
            finally:
                del self._fills[key]
                filling.set_result(None)
            if stale is not None and recorder.is_unavailable:
                await self._send_stale(stale, scope, wants, send)
                return
            if answer is None:
                return
            wants[REQUEST_ID] = recorder.request_id
            ready = answer, answer.variant(negotiated(wants[ENCODINGS]))
        if ready is None:
            await self._app(scope, receive, with_status(send, b"movies-api; fwd=miss"))
            return
        stored = b"movies-api; fwd=miss; stored"
        for message in self._messages(ready, wants, self._clock(), stored):
            await send(message)

    def _find_last_known(self, key: Key) -> CachedAnswer | None:
        """Return an answer of the newest revision that is known, however old it is."""
        answer: CachedAnswer | None = self.answers.get(key)
        return answer if answer is not None and answer.revision == self._revision.number else None

    async def _send_stale(
        self, answer: CachedAnswer, scope: Scope, wants: Wants, send: Send
    ) -> None:
        """Send what held when the database was there, and say that it may not any more."""
        now = self._clock()
        ttl_seconds = min(answer.expires_at, self._revision.fresh_until) - now
        status = b"movies-api; hit; ttl=%d; detail=database-unavailable" % ttl_seconds
        ready = answer, answer.variant(negotiated(wants[ENCODINGS]))
        start, body = self._messages(ready, wants, now, status)
        await send(start)
        await send(_NOTHING if scope["method"] == "HEAD" else body)
        self._counts.stale += 1
        self._requests.add((scope["method"], answer.route, start["status"]), self._clock() - now)

    async def _fill(
        self, key: Key, recorder: Recorder, scope: Scope, receive: Receive
    ) -> CachedAnswer | None:
        """Ask the app for the plain answer, and keep it if it is for everybody."""
        revision = self._revision.number
        headers = [header for header in scope["headers"] if header[0] not in _HIDDEN_FROM_APP]
        asked = {**scope, "headers": headers}
        await self._app(asked, receive, recorder)
        if not recorder.is_storable:
            return None
        answer = CachedAnswer(
            route=route_of(asked),
            revision=revision,
            expires_at=self._clock() + self._ttl_seconds,
            etag=recorder.etag,
            headers=storable_headers(recorder.headers),
            body=bytes(recorder.body),
        )
        self.answers.keep(key, answer)
        self._counts.entries = len(self.answers)
        self._counts.bytes = self.answers.currsize
        self._counts.evictions = self.answers.evictions
        return answer
