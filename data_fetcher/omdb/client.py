"""The client of OMDb: bounded in time and size, and every attempt counted."""

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
    UpstreamInvalid,
    UpstreamQuota,
    UpstreamTimeout,
    UpstreamUnavailable,
)
from data_fetcher.omdb.admission import Care, NoCare, Purpose
from data_fetcher.omdb.lookups import ImdbWish, Wish
from data_fetcher.omdb.responses import Answer, read_answer
from data_layer.entities.movie import MovieFacts

FETCHED = "fetched"
"""The outcome of an attempt that brought a film; most others are codes of `common.errors`."""
ABANDONED = "abandoned"
"""The outcome of an attempt whose caller went away before the answer came."""

_CHUNK_BYTES = 65_536


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientLimits:
    """What the client allows itself and OMDb."""

    concurrency: int = 25
    """Requests at once for those who wait, and as many for all others; further ones wait, and
    their deadline waits with them."""
    connect_seconds: float = 3
    attempt_seconds: float = 4
    total_seconds: float = 6
    """For one film: all attempts, and the pauses between them."""
    attempts: int = 3
    answer_max_bytes: int = 1_000_000
    """Of one answer, decompressed. OMDb's have some thousands."""
    backoff_base_seconds: float = 0.1
    backoff_max_seconds: float = 2


class OmdbClient:
    """Asks OMDb for films; a context manager that owns its connections.

    Args:
        url: of OMDb; parameters are added to it.
        api_key: it is in every request and in no message.
        limits: of time, size and number.
        care: admits each attempt, and is told how it ended.
        sleep: waits for so many seconds.
        jitter: gives a number from 0 to 1.
    """

    def __init__(
        self,
        url: str,
        api_key: str,
        limits: ClientLimits | None = None,
        *,
        care: Care | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._url = url
        self._api_key = api_key
        self._limits = limits or ClientLimits()
        self._sleep = sleep
        self._jitter = jitter
        self._care = care or NoCare()
        self._places = asyncio.Semaphore(self._limits.concurrency)
        self._background_places = asyncio.Semaphore(self._limits.concurrency)
        self.attempts: Counter[str] = Counter()
        """How many requests were tried, by what came of them; see `FETCHED` and `ABANDONED`.

        One that found no connection counts too: quota is rather over- than underestimated.
        """

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0),
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(
                total=self._limits.attempt_seconds, sock_connect=self._limits.connect_seconds
            ),
            middlewares=(_send_once,),
        )
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._session.close()

    async def fetch(self, wish: Wish, purpose: Purpose = Purpose.DIRECT) -> MovieFacts:
        """Return the film that is wished for.

        Failures that may pass are tried again, after a pause of a random part ("full jitter")
        of a span that doubles each time, or of the time that OMDb asks for. The deadline
        begins when one of the `concurrency` places is free.

        Raises:
            NotFound: OMDb does not have it.
            UpstreamTimeout: OMDb did not answer before the deadline.
            UpstreamQuota, UpstreamRefused, UpstreamInvalid: trying again would not help.
            UpstreamUnavailable: all attempts failed, or the next one would come too late or may
                not be made.
            DatabaseUnavailable: nobody knows whether an attempt may be made.

        Source: https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter.
        """
        is_direct = purpose is Purpose.DIRECT
        async with self._places if is_direct else self._background_places:
            await self._care.admit(purpose)
            try:
                async with asyncio.timeout(self._limits.total_seconds) as deadline:
                    return await self._try_again_and_again(wish, purpose, deadline)
            except TimeoutError:
                raise _timed_out() from None

    async def _try_again_and_again(
        self, wish: Wish, purpose: Purpose, deadline: asyncio.Timeout
    ) -> MovieFacts:
        for attempt in range(1, self._limits.attempts):
            try:
                return await self._attempt(wish, deadline)
            except UpstreamUnavailable as error:
                pause = self._pause(error, attempt)
                if not _may_pass(error) or _is_behind(deadline, pause):
                    raise
                await self._sleep(pause)
                try:
                    await self._care.admit(purpose)
                except MoviesError:
                    raise error from None
        return await self._attempt(wish, deadline)

    def _pause(self, error: UpstreamUnavailable, attempt: int) -> float:
        """Return the seconds to wait after a number of attempts, from 1."""
        if error.retry_after_seconds is not None:
            return error.retry_after_seconds
        span: float = self._limits.backoff_base_seconds * 2**attempt
        return self._jitter() * min(self._limits.backoff_max_seconds, span)

    async def _attempt(self, wish: Wish, deadline: asyncio.Timeout) -> MovieFacts:
        outcome = ABANDONED
        failure: MoviesError | None = None
        try:
            facts = read_answer(await self._request(wish))
            _require_same(wish, facts)
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
            await self._note(outcome, failure)
        return facts

    async def _note(self, outcome: str, failure: MoviesError | None) -> None:
        if outcome != ABANDONED:
            await self._care.note(failure)

    async def _request(self, wish: Wish) -> Answer:
        failure: UpstreamUnavailable
        try:
            async with self._session.get(
                self._url,
                params={**wish.parameters(), "apikey": self._api_key},
                allow_redirects=False,
            ) as response:
                return Answer(
                    response.status,
                    await self._read_bounded(response),
                    response.headers.get("Retry-After", ""),
                    response.content_type,
                )
        except TimeoutError:
            failure = _timed_out()
        except (aiohttp.ClientError, OSError):
            failure = UpstreamUnavailable("OMDb can't be reached at the moment.")
        # aiohttp's errors hold the URL, and with it the key: raised here, ours has them neither
        # as its cause nor as its context.
        raise failure

    async def _read_bounded(self, response: aiohttp.ClientResponse) -> bytes:
        """Return the decompressed body; a connection that is left with more to read is closed."""
        if (response.content_length or 0) > self._limits.answer_max_bytes:
            raise _too_large()
        body = bytearray()
        async for chunk in response.content.iter_chunked(_CHUNK_BYTES):
            body += chunk
            if len(body) > self._limits.answer_max_bytes:
                raise _too_large()
        return bytes(body)


async def _send_once(
    request: aiohttp.ClientRequest, send: aiohttp.ClientHandlerType
) -> aiohttp.ClientResponse:
    """Send the request, and hide the errors at which aiohttp would send it again by itself.

    It repeats a GET whose connection drops, which would spend quota that nobody has counted.
    """
    try:
        return await send(request)
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError):
        raise aiohttp.ClientConnectionError from None


def _require_same(wish: Wish, facts: MovieFacts) -> None:
    if isinstance(wish, ImdbWish) and facts.imdb_id != wish.imdb_id:
        raise UpstreamInvalid("OMDb answered with another film than the one asked for.")


def _may_pass(error: UpstreamUnavailable) -> bool:
    """Tell whether trying again within seconds may help; a spent quota comes back tomorrow."""
    return error.retry_helps and not isinstance(error, UpstreamQuota)


def _is_behind(deadline: asyncio.Timeout, pause: float) -> bool:
    when = deadline.when()
    return when is not None and asyncio.get_running_loop().time() + pause >= when


def _too_large() -> UpstreamInvalid:
    return UpstreamInvalid("OMDb's answer is too large to be one.")


def _timed_out() -> UpstreamTimeout:
    return UpstreamTimeout("OMDb did not answer in time.")
