"""OMDb client with deadlines, retries, a limit on response size, and a counter of attempts."""

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Self

import aiohttp

from common.errors import (
    MoviesError,
    UpstreamBadResponse,
    UpstreamQuotaExceeded,
    UpstreamTimeout,
    UpstreamUnavailable,
)
from data_fetcher.omdb.admission import Admission, AdmissionControl, Purpose
from data_fetcher.omdb.lookups import ImdbIdLookup, MovieLookup
from data_fetcher.omdb.responses import OmdbResponse, parse_response
from data_layer.entities.movie import MovieFacts

FETCHED = "fetched"
"""Outcome of a successful attempt; failed ones have the error code of `common.errors`."""
ABANDONED = "abandoned"
"""Outcome of an attempt that the caller cancelled before the response arrived."""

_CHUNK_BYTES = 65_536


@dataclass(frozen=True, slots=True, kw_only=True)
class OmdbClientConfig:
    """Limits of the client: concurrency, timeouts, attempts, response size and backoff."""

    concurrency: int = 25
    """Concurrent movies for interactive requests, and as many again for all other purposes.

    Further calls wait for a slot; their deadline starts when they get one.
    """
    connect_seconds: float = 3
    attempt_seconds: float = 4
    total_seconds: float = 6
    """Deadline of one movie: all attempts and the pauses between them."""
    attempts: int = 3
    """Maximum number of requests for one movie."""
    response_max_bytes: int = 1_000_000
    """Maximum size of a decompressed response body; OMDb's have a few thousand bytes."""
    backoff_base_seconds: float = 0.1
    backoff_max_seconds: float = 2


class OmdbClient:
    """OMDb client; a context manager that owns its connections.

    Args:
        url: URL of OMDb, to which the query parameters are added.
        api_key: API key; it is sent with every request and never appears in a message.
        sleep: Function that waits for the given number of seconds.
        jitter: Function that returns a random number from 0 to 1.
    """

    def __init__(
        self,
        url: str,
        api_key: str,
        config: OmdbClientConfig | None = None,
        *,
        admission: AdmissionControl,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._url = url
        self._api_key = api_key
        self._config = config or OmdbClientConfig()
        self._sleep = sleep
        self._jitter = jitter
        self._admission = admission
        self._slots = asyncio.Semaphore(self._config.concurrency)
        self._background_slots = asyncio.Semaphore(self._config.concurrency)
        self.attempts: Counter[str] = Counter()
        """Number of attempts by outcome: `FETCHED`, `ABANDONED` or an error code.

        Failed connections count too: it is safer to overestimate the quota used.
        """

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0),
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(
                total=self._config.attempt_seconds, sock_connect=self._config.connect_seconds
            ),
            middlewares=(_disable_transparent_retry,),
        )
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._session.close()

    async def fetch(
        self, lookup: MovieLookup, purpose: Purpose = Purpose.INTERACTIVE
    ) -> MovieFacts:
        """Return the requested movie.

        Transient errors are retried with exponential backoff and full jitter, or after the time
        in Retry-After. The deadline starts when the call gets one of the `concurrency` slots and
        its first attempt is admitted.

        Raises:
            NotFound: OMDb does not have the movie.
            UpstreamTimeout: OMDb did not respond before the deadline.
            UpstreamQuotaExceeded: The daily quota is used up; never retried.
            UpstreamUnauthorized: OMDb rejected the API key; never retried.
            UpstreamBadResponse: The response is invalid; never retried.
            UpstreamUnavailable: All attempts failed, the circuit breaker is open, or the next
                attempt would begin after the deadline or was not admitted.
            DatabaseUnavailable: The quota could not be read.

        Source: https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter.
        """
        is_interactive = purpose is Purpose.INTERACTIVE
        async with self._slots if is_interactive else self._background_slots:
            admission = await self._admission.admit(purpose)
            try:
                async with asyncio.timeout(self._config.total_seconds) as deadline:
                    return await self._fetch_with_retries(lookup, purpose, deadline, admission)
            except TimeoutError:
                raise _timed_out() from None

    async def _fetch_with_retries(
        self,
        lookup: MovieLookup,
        purpose: Purpose,
        deadline: asyncio.Timeout,
        admission: Admission,
    ) -> MovieFacts:
        for attempt in range(1, self._config.attempts):
            try:
                return await self._attempt(lookup, deadline, admission)
            except UpstreamUnavailable as error:
                pause = self._pause(error, attempt)
                if not _is_retryable(error) or _exceeds_deadline(deadline, pause):
                    raise
                await self._sleep(pause)
                try:
                    admission = await self._admission.admit(purpose)
                except MoviesError:
                    raise error from None
        return await self._attempt(lookup, deadline, admission)

    def _pause(self, error: UpstreamUnavailable, attempt: int) -> float:
        """Return the seconds to wait after the given attempt; the first one is 1."""
        if error.retry_after_seconds is not None:
            return error.retry_after_seconds
        span: float = self._config.backoff_base_seconds * 2**attempt
        return self._jitter() * min(self._config.backoff_max_seconds, span)

    async def _attempt(
        self, lookup: MovieLookup, deadline: asyncio.Timeout, admission: Admission
    ) -> MovieFacts:
        outcome = ABANDONED
        failure: MoviesError | None = None
        try:
            facts = parse_response(await self._request(lookup))
            _require_requested_movie(lookup, facts)
            outcome = FETCHED
        except MoviesError as error:
            outcome = error.code
            failure = error
            raise
        except asyncio.CancelledError:
            if deadline.expired():
                failure = _timed_out()
                outcome = failure.code
            raise
        finally:
            self.attempts[outcome] += 1
            await self._record_outcome(admission, outcome, failure)
        return facts

    async def _record_outcome(
        self, admission: Admission, outcome: str, failure: MoviesError | None
    ) -> None:
        if outcome != ABANDONED:
            await self._admission.record_outcome(admission, failure)

    async def _request(self, lookup: MovieLookup) -> OmdbResponse:
        failure: UpstreamUnavailable
        try:
            async with self._session.get(
                self._url,
                params={**lookup.parameters(), "apikey": self._api_key},
                allow_redirects=False,
            ) as response:
                return OmdbResponse(
                    response.status,
                    await self._read_bounded(response),
                    response.headers.get("Retry-After", ""),
                    response.content_type,
                )
        except TimeoutError:
            failure = _timed_out()
        except (aiohttp.ClientError, OSError):
            failure = UpstreamUnavailable("OMDb can't be reached at the moment.")
        # aiohttp's errors contain the URL with the API key. Raised outside of the except block,
        # ours has them neither as its cause nor as its context.
        raise failure

    async def _read_bounded(self, response: aiohttp.ClientResponse) -> bytes:
        """Return the decompressed body, unless it is larger than `response_max_bytes`.

        Raises:
            UpstreamBadResponse: The body is too large; the connection is closed unread.
        """
        if (response.content_length or 0) > self._config.response_max_bytes:
            raise _too_large()
        body = bytearray()
        async for chunk in response.content.iter_chunked(_CHUNK_BYTES):
            body += chunk
            if len(body) > self._config.response_max_bytes:
                raise _too_large()
        return bytes(body)


async def _disable_transparent_retry(
    request: aiohttp.ClientRequest, send: aiohttp.ClientHandlerType
) -> aiohttp.ClientResponse:
    """Send the request, and replace the errors on which aiohttp would resend it.

    aiohttp resends a GET if a reused connection drops; such a request would use quota uncounted.
    """
    try:
        return await send(request)
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError):
        raise aiohttp.ClientConnectionError from None


def _require_requested_movie(lookup: MovieLookup, facts: MovieFacts) -> None:
    if isinstance(lookup, ImdbIdLookup) and facts.imdb_id != lookup.imdb_id:
        raise UpstreamBadResponse("OMDb returned a different movie than the one requested.")


def _is_retryable(error: UpstreamUnavailable) -> bool:
    """Return whether a retry within seconds may help; a used-up quota returns the next day."""
    return error.retry_helps and not isinstance(error, UpstreamQuotaExceeded)


def _exceeds_deadline(deadline: asyncio.Timeout, pause: float) -> bool:
    when = deadline.when()
    return when is not None and asyncio.get_running_loop().time() + pause >= when


def _too_large() -> UpstreamBadResponse:
    return UpstreamBadResponse("OMDb's response exceeds the size limit.")


def _timed_out() -> UpstreamTimeout:
    return UpstreamTimeout("OMDb did not answer in time.")
