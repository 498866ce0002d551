"""Adding a film: fetched from OMDb, unless it is there."""

import asyncio
import dataclasses
from collections.abc import Callable
from dataclasses import dataclass

from common.clock import utc_now
from common.errors import Conflict, MoviesError, UpstreamTimeout, error_of
from common.executors import Run
from common.single_flight import SingleFlight
from data_fetcher.fetch_queue.completion import Outcome, Settled
from data_fetcher.fetch_queue.deduplication_key import find_wished, wish_key
from data_fetcher.fetch_queue.queue import Fetches
from data_fetcher.omdb.admission import Ask, Purpose
from data_fetcher.omdb.lookups import Wish
from data_layer.entities.fetch import Fetch, FetchState
from data_layer.entities.movie import StoredMovie
from data_layer.ports.unit_of_work import UnitOfWork, UnitOfWorkFactory
from movies_service.accounts.caller import Caller
from movies_service.rate_limiting.rate_limiter import RateLimit

JOIN_SECONDS = 10.0
"""How long is waited for another process that fetches the same film; for longer than a film takes
that somebody waits for."""

_LOOKS_SECONDS = (0.02, 0.25)
"""How often is looked whether it has, first and at last; doubled each time."""


@dataclass(frozen=True, slots=True)
class AddedMovie:
    """The film that was wished for, and whether this wish has brought it in."""

    movie: StoredMovie
    is_new: bool
    revision: int
    """A revision of the catalogue that has the film."""


class AddMovie:
    """Brings films in on demand.

    Args:
        unit_of_work: opens transactions.
        fetches: the wishes, by which processes know of each other.
        ask: asks OMDb for one film.
        run: runs what waits for the database.
        limit: how often one caller may have OMDb asked.
    """

    def __init__(
        self,
        unit_of_work: UnitOfWorkFactory,
        fetches: Fetches,
        ask: Ask,
        run: Run,
        limit: RateLimit | None = None,
    ) -> None:
        self._unit_of_work = unit_of_work
        self._fetches = fetches
        self._ask = ask
        self._run = run
        self._limit = limit
        self._flights: SingleFlight[AddedMovie] = SingleFlight()

    async def run(self, wish: Wish, by: Caller) -> AddedMovie:
        """Return the film, after fetching and storing it where need be.

        The same wish made many times at once is one call to OMDb, whichever processes it is made
        to; one of those who made it is told that the film is new.

        Raises:
            NotFound: OMDb does not have it, or did not have it a short time ago.
            TooManyRequests: the caller has had OMDb asked too often; what is there is free.
            UpstreamUnavailable: OMDb does not serve; nothing was stored.
            DatabaseUnavailable: nothing was stored.
        """
        added, is_own = await self._flights.run(wish_key(wish), lambda: self._add(wish, by))
        return added if is_own else dataclasses.replace(added, is_new=False)

    async def find(self, wish: Wish) -> AddedMovie | None:
        """Return the film, if it is there."""
        return await self._run(self._find, wish)

    async def _add(self, wish: Wish, by: Caller) -> AddedMovie:
        if (known := await self.find(wish)) is not None:
            return known
        if self._limit is not None:
            await self._limit.take(by.client)
        while True:
            begun = await self._run(self._fetches.begin, wish, by.wisher)
            if begun.is_own and (added := await self._fetch(begun.fetch, wish, by)) is not None:
                return added
            fetch = await self._join(begun.fetch)
            if not fetch.state.is_open:
                return await self._run(self.find_fetched, fetch)

    async def _fetch(self, fetch: Fetch, wish: Wish, by: Caller) -> AddedMovie | None:
        """Fetch the film and store it; `None` if somebody else has taken over meanwhile."""
        outcome: Outcome
        try:
            outcome = await self._ask(wish, Purpose.DIRECT)
        except MoviesError as error:
            await self._run(self._fetches.settle, [(fetch, error)])
            raise
        settle = self._settling(fetch, outcome, by)
        try:
            done = await self._run(settle)
        except Conflict:
            # Another process has stored the film between our look and our commit.
            done = await self._run(settle)
        return _to_added(done[0]) if done else None

    def _settling(
        self, fetch: Fetch, outcome: Outcome, by: Caller
    ) -> Callable[[], tuple[Settled, ...]]:
        def keep(uow: UnitOfWork, settled: Settled) -> None:
            by.keep(uow, _to_added(settled))

        return lambda: self._fetches.settle([(fetch, outcome)], keep)

    async def _join(self, fetch: Fetch) -> Fetch:
        """Wait for somebody else who fetches the film, until they have or their lease runs out."""
        pause, longest = _LOOKS_SECONDS
        try:
            async with asyncio.timeout(JOIN_SECONDS):
                while fetch.is_leased_at(utc_now()):
                    await asyncio.sleep(pause)
                    pause = min(2 * pause, longest)
                    fetch = await self._run(self._fetches.get, fetch.known_id)
        except TimeoutError:
            raise UpstreamTimeout(
                "Somebody else fetches the film, and OMDb did not answer in time."
            ) from None
        return fetch

    def find_fetched(self, fetch: Fetch) -> AddedMovie:
        """Return the film of a wish that is done.

        Raises:
            MoviesError: it came to nothing.
        """
        if fetch.state is FetchState.CANCELLED:
            raise Conflict("The fetch of this film was cancelled meanwhile: add it again.")
        if fetch.state is not FetchState.FETCHED or fetch.film_id is None:
            raise error_of(
                fetch.error_code or "",
                fetch.error_message or "",
                retry_after_seconds=fetch.error_retry_after_seconds,
            )
        with self._unit_of_work(is_read_only=True) as uow:
            movie = uow.movies.get(fetch.film_id)
            return AddedMovie(movie, is_new=False, revision=uow.movies.revision())

    def _find(self, wish: Wish) -> AddedMovie | None:
        with self._unit_of_work(is_read_only=True) as uow:
            if (movie := find_wished(uow, wish)) is None:
                return None
            return AddedMovie(movie, is_new=False, revision=uow.movies.revision())


def _to_added(settled: Settled) -> AddedMovie:
    """Return the film of a wish that brought one.

    Raises:
        MoviesError: it brought none, though OMDb answered.
    """
    if settled.movie is None:
        raise error_of(settled.fetch.error_code or "", settled.fetch.error_message or "")
    return AddedMovie(settled.movie, settled.is_new, settled.revision)
