"""Adding a film: fetched from OMDb, unless it is there."""

import dataclasses
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from common.errors import Conflict
from common.single_flight import SingleFlight
from common.text import match_key
from data_fetcher.omdb.wish import ImdbWish, Wish
from data_layer.entities.movie import MovieFacts, StoredMovie
from data_layer.ports.unit_of_work import UnitOfWork, UnitOfWorkFactory
from data_layer.retries import retried_when_busy
from movies_service.execution import Run
from movies_service.limits.rate_limit import RateLimit
from movies_service.use_cases.caller import Caller


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
        fetch: asks OMDb for one film.
        run: runs what waits for the database.
        limit: how often one caller may have OMDb asked.
    """

    def __init__(
        self,
        unit_of_work: UnitOfWorkFactory,
        fetch: Callable[[Wish], Awaitable[MovieFacts]],
        run: Run,
        limit: RateLimit | None = None,
    ) -> None:
        self._unit_of_work = unit_of_work
        self._fetch = fetch
        self._run = run
        self._limit = limit
        self._flights: SingleFlight[AddedMovie] = SingleFlight()

    async def run(self, wish: Wish, by: Caller) -> AddedMovie:
        """Return the film, after fetching and storing it where need be.

        The same wish made many times at once is one call to OMDb; one of those who made it
        is told that the film is new.

        Raises:
            NotFound: OMDb does not have it.
            TooManyRequests: the caller has had OMDb asked too often; what is there is free.
            UpstreamUnavailable: OMDb does not serve; nothing was stored.
            DatabaseUnavailable: nothing was stored.
        """
        added, is_own = await self._flights.run(_flight_key(wish), lambda: self._add(wish, by))
        return added if is_own else dataclasses.replace(added, is_new=False)

    async def _add(self, wish: Wish, by: Caller) -> AddedMovie:
        if (known := await self._run(self._find, wish)) is not None:
            return known
        if self._limit is not None:
            await self._limit.take(by.client)
        facts = await self._fetch(wish)
        try:
            return await self._run(self._store, facts, by)
        except Conflict:
            # Another process has stored the film between our look and our commit.
            return await self._run(self._store, facts, by)

    def _find(self, wish: Wish) -> AddedMovie | None:
        with self._unit_of_work(is_read_only=True) as uow:
            if (movie := _find_wished(uow, wish)) is None:
                return None
            return AddedMovie(movie, is_new=False, revision=uow.movies.revision())

    @retried_when_busy
    def _store(self, facts: MovieFacts, by: Caller) -> AddedMovie:
        with self._unit_of_work() as uow:
            if (known := _find_same(uow, facts)) is not None:
                return AddedMovie(known, is_new=False, revision=uow.movies.revision())
            movie = uow.movies.add(facts)
            added = AddedMovie(movie, is_new=True, revision=uow.movies.revision())
            by.note(uow, "movie.created", f"/movies/{movie.id}")
            by.keep(uow, added)
            uow.commit()
            return added


def _find_wished(uow: UnitOfWork, wish: Wish) -> StoredMovie | None:
    if isinstance(wish, ImdbWish):
        return uow.movies.find_by_imdb_id(wish.imdb_id)
    return next(iter(uow.movies.find_by_title(wish.title, wish.year)), None)


def _find_same(uow: UnitOfWork, facts: MovieFacts) -> StoredMovie | None:
    return uow.movies.find_by_imdb_id(facts.imdb_id) if facts.imdb_id else None


def _flight_key(wish: Wish) -> tuple[str, int | None]:
    if isinstance(wish, ImdbWish):
        return wish.imdb_id, None
    return match_key(wish.title), wish.year
