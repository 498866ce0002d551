"""The loop of a worker: claim, fetch side by side, settle together, and stop in time."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol, TypeVar

import structlog

from common.errors import Conflict, DatabaseUnavailable, MoviesError, UpstreamInvalid
from common.wake_up import Bell
from data_fetcher.fetch_queue.completion import Outcome, Settled
from data_fetcher.fetch_queue.deduplication_key import wish_of
from data_fetcher.fetch_queue.queue import Fetches
from data_fetcher.omdb.admission import Ask, Purpose
from data_layer.entities.fetch import Fetch

POLL_SECONDS = 1.0
"""How often a worker looks that nobody has rung."""

STOP_SECONDS = 6.0
"""How long what is being fetched gets to end, once the worker is to stop."""

GATHER_SECONDS = 0.1
BATCH_MAX = 50
"""How long films are gathered before they are stored together, and how many."""

FORGET_SECONDS = 3_600
"""How often what is done for long is forgotten."""

IDLE_SECONDS = 30
"""How often the work is done that is nobody's wish."""

_PAUSES_SECONDS = (0.5, 8.0)
"""How long is waited for a database that is away, first and at most; doubled each time."""

Result = TypeVar("Result")

_log = structlog.get_logger(__name__)


class Pausing(Protocol):
    """Knows whether OMDb is left alone; see `data_fetcher.throttling.admission_controller.UpstreamCare`."""

    def pause_seconds(self, purpose: Purpose) -> float:
        """Return for how long nothing will be admitted."""
        ...


@dataclass(frozen=True, slots=True)
class Source:
    """OMDb, as a worker asks it.

    Args:
        ask: for one film.
        care: knows whether it may be asked.
        concurrency: how many films are asked for at once.
    """

    ask: Ask
    care: Pausing
    concurrency: int


class FetchWorker:
    """Fetches what was wished for until it is stopped.

    Any number of workers share the wishes. One that dies loses nothing: what it had taken is
    taken by another one when the lease has run out.

    Args:
        fetches: the wishes.
        source: of films.
        bell: is rung when there is something to do.
        when_idle: is run again and again beside the work.
        poll_seconds: how often it looks without being rung for.
    """

    def __init__(
        self,
        fetches: Fetches,
        source: Source,
        bell: Bell,
        *,
        when_idle: Callable[[], Awaitable[None]] | None = None,
        poll_seconds: float = POLL_SECONDS,
    ) -> None:
        self._fetches = fetches
        self._source = source
        self._bell = bell
        self._when_idle = when_idle
        self._poll_seconds = poll_seconds
        self._loop = asyncio.get_running_loop()
        self._stopping = asyncio.Event()
        self._taken: asyncio.Queue[Fetch] = asyncio.Queue()
        self._outcomes: asyncio.Queue[tuple[Fetch, Outcome]] = asyncio.Queue()
        self._in_hand: dict[int, Fetch] = {}
        self._has_settled = asyncio.Event()
        self.settled = 0
        """How many wishes this worker has settled."""

    @property
    def in_hand(self) -> int:
        """How many wishes this worker holds."""
        return len(self._in_hand)

    def ring(self) -> None:
        """Say that there is something to do; from any thread."""
        self._bell.ring()

    def stop(self) -> None:
        """Take no more; what is being fetched may end within `STOP_SECONDS`. From any thread."""
        with suppress(RuntimeError):  # The loop has ended: so has the work.
            self._loop.call_soon_threadsafe(self._stopping.set)
        self._bell.ring()

    async def run(self) -> None:
        """Work until it is stopped; then everything that it holds is settled or given back."""
        fetching = [self._begin(self._fetch_all()) for _ in range(self._source.concurrency)]
        storing = self._begin(self._store_all())
        others = [self._begin(self._forget())]
        if self._when_idle is not None:
            others.append(self._begin(self._idle(self._when_idle)))
        try:
            await self._claim_all()
            await self._drain()
        finally:
            await _cancel([*fetching, storing, *others])
            await self._release()

    def _begin(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        return asyncio.create_task(work)

    async def _claim_all(self) -> None:
        """Take wishes so early that nobody who fetches has to wait for the database."""
        room = self._source.concurrency
        while not self._stopping.is_set():
            pause = self._source.care.pause_seconds(Purpose.WISH)
            claimed: tuple[Fetch, ...] = ()
            if not pause and self._taken.qsize() < 2 * room:
                claimed = await self._claim(4 * room)
            for fetch in claimed:
                self._in_hand[fetch.known_id] = fetch
                self._taken.put_nowait(fetch)
            if not claimed:
                await self._bell.wait(min(pause, self._poll_seconds) or self._poll_seconds)

    async def _claim(self, limit: int) -> tuple[Fetch, ...]:
        try:
            return await self._patiently(partial(self._fetches.claim, limit)) or ()
        except Exception:  # noqa: BLE001 - What nobody has thought of must not end the worker.
            _log.exception("wishes could not be taken")
            return ()

    async def _fetch_all(self) -> None:
        """Fetch one film after the other."""
        while True:
            fetch = await self._taken.get()
            self._outcomes.put_nowait((fetch, await self._ask(fetch)))
            if self._taken.qsize() < 2 * self._source.concurrency:
                self._bell.ring()

    async def _ask(self, fetch: Fetch) -> Outcome:
        try:
            return await self._source.ask(wish_of(fetch), Purpose.WISH)
        except MoviesError as error:
            return error
        except Exception:  # noqa: BLE001 - The same.
            _log.exception("a film could not be fetched", fetch=f"/fetches/{fetch.id}")
            return UpstreamInvalid("The film could not be fetched: the log says why.")

    async def _store_all(self) -> None:
        """Store what has arrived, many films in one transaction.

        While more are on their way, some are waited for: a transaction of fifty films takes not
        much longer than one of five.
        """
        while True:
            batch = [await self._outcomes.get()]
            with suppress(TimeoutError):
                async with asyncio.timeout(GATHER_SECONDS):
                    while len(batch) < min(BATCH_MAX, self.in_hand):
                        batch.append(await self._outcomes.get())
            await self._settle(batch)

    async def _settle(self, batch: list[tuple[Fetch, Outcome]]) -> None:
        """Store what came of wishes; what can't be stored keeps no other from it."""
        try:
            done = await self._store(batch)
        except Exception as error:  # noqa: BLE001 - The same.
            if len(batch) > 1:
                for one in batch:
                    await self._settle([one])
                return
            done = await self._settle_alone(batch[0], error)
        for fetch, _outcome in batch:
            self._in_hand.pop(fetch.known_id, None)
        self._has_settled.set()
        for settled in done:
            self.settled += 1
            _log_settled(settled.fetch)

    async def _settle_alone(
        self, one: tuple[Fetch, Outcome], error: Exception
    ) -> tuple[Settled, ...]:
        """Store what came of a wish once more, or else that it can't be stored."""
        if isinstance(error, Conflict):  # Somebody has stored the film meanwhile.
            with suppress(Conflict):
                return await self._store([one])
        fetch = one[0]
        _log.error("a film could not be stored", fetch=f"/fetches/{fetch.id}", exc_info=error)
        refusal = UpstreamInvalid("The film could not be stored: the log says why.")
        try:
            return await self._store([(fetch, refusal)])
        except Exception:  # noqa: BLE001 - The same.
            _log.exception("a wish is left to whoever takes it over")
            return ()

    async def _store(self, batch: list[tuple[Fetch, Outcome]]) -> tuple[Settled, ...]:
        pause = self._source.care.pause_seconds(Purpose.WISH)
        settle = partial(self._fetches.settle, batch, pause_seconds=pause)
        return await self._patiently(settle) or ()

    async def _drain(self) -> None:
        """Give back what was not begun, and wait for the rest."""
        waiting = []
        while not self._taken.empty():
            waiting.append(self._taken.get_nowait())
        for fetch in waiting:
            del self._in_hand[fetch.known_id]
        await self._patiently(lambda: self._fetches.release(waiting))
        with suppress(TimeoutError):
            async with asyncio.timeout(STOP_SECONDS):
                while self._in_hand:
                    self._has_settled.clear()
                    await self._has_settled.wait()

    async def _release(self) -> None:
        """Give back what could not be finished."""
        left = list(self._in_hand.values())
        if left:
            with suppress(DatabaseUnavailable):
                await asyncio.to_thread(self._fetches.release, left)
            _log.warning("given back what was not finished", fetches=len(left))

    async def _forget(self) -> None:
        while True:
            await self._patiently(self._fetches.forget)
            await asyncio.sleep(FORGET_SECONDS)

    async def _idle(self, work: Callable[[], Awaitable[None]]) -> None:
        while not self._stopping.is_set():
            try:
                await work()
            except MoviesError as error:
                _log.warning("films were not looked at again", reason=error.message)
            await asyncio.sleep(IDLE_SECONDS)

    async def _patiently(self, call: Callable[[], Result]) -> Result | None:
        """Call, again and again while the database is away, until the worker is to stop."""
        pause, longest = _PAUSES_SECONDS
        while True:
            try:
                return await asyncio.to_thread(call)
            except DatabaseUnavailable as error:
                _log.warning("waiting for the database", reason=error.message, seconds=pause)
                if self._stopping.is_set():
                    return None
            with suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await self._stopping.wait()
            pause = min(2 * pause, longest)


async def _cancel(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def _log_settled(fetch: Fetch) -> None:
    _log.info(
        "fetch", fetch=f"/fetches/{fetch.id}", state=fetch.state.value, error=fetch.error_code
    )
