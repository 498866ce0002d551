"""Refresher of movies whose stored data is outdated."""

import asyncio
import datetime as dt
from dataclasses import dataclass

from common.clock import Clock, utc_now
from common.errors import Conflict, MoviesError, NotFound
from data_fetcher.fetch_queue.movie_source import MovieSource
from data_fetcher.omdb.admission import Purpose
from data_fetcher.omdb.lookups import ImdbIdLookup
from data_layer.entities.movie import MovieFacts
from data_layer.entities.movie_refresh import MovieRefresh, schedule_refresh
from data_layer.entities.movie_serialization import parse_facts
from data_layer.ports.unit_of_work import UnitOfWorkFactory
from data_layer.transaction_retries import retried_when_busy

CLAIM_HOURS = 1
"""Duration of a claim; a movie that could not be refreshed is due again when it expires."""

BATCH_SIZE = 10
"""Maximum number of movies of a run."""


@dataclass(frozen=True, slots=True)
class MovieRefresher:
    """Refresh of outdated movies with the quota that other purposes leave unused.

    A movie that OMDb no longer has stays unchanged, and so does one that a user has edited.

    Args:
        clock: Returns the current time in UTC.
    """

    unit_of_work: UnitOfWorkFactory
    source: MovieSource
    clock: Clock = utc_now

    async def run(self) -> None:
        """Refresh up to `BATCH_SIZE` movies that are due, if the quota permits it.

        An OMDb error ends the run; the remaining movies are due again after `CLAIM_HOURS`.

        Raises:
            DatabaseUnavailable: The database is unavailable.
        """
        if self.source.admission.seconds_until_admitted(Purpose.REFRESH):
            return
        for refresh in await asyncio.to_thread(self._claim):
            if (lookup := await asyncio.to_thread(self._find_lookup, refresh)) is None:
                continue
            try:
                facts = await self.source.fetch(lookup, Purpose.REFRESH)
            except NotFound:
                await asyncio.to_thread(self._postpone, refresh)
            except MoviesError:
                return
            else:
                await asyncio.to_thread(self._store, refresh, facts)

    @retried_when_busy
    def _claim(self) -> tuple[MovieRefresh, ...]:
        now = self.clock()
        with self.unit_of_work() as uow:
            until = now + dt.timedelta(hours=CLAIM_HOURS)
            if refreshes := uow.movie_refreshes.claim(now, until, BATCH_SIZE):
                uow.commit()
        return refreshes

    def _find_lookup(self, refresh: MovieRefresh) -> ImdbIdLookup | None:
        with self.unit_of_work(is_read_only=True) as uow:
            try:
                facts = parse_facts(uow.movies.get(refresh.movie_id).document)
            except NotFound:  # Deleted concurrently, and its schedule with it.
                return None
        return ImdbIdLookup(facts.imdb_id) if facts.imdb_id else None

    @retried_when_busy
    def _postpone(self, refresh: MovieRefresh) -> None:
        """Schedule the next refresh of a movie that OMDb no longer has in 180 days; commit."""
        now = self.clock()
        postponed = MovieRefresh(
            movie_id=refresh.movie_id, fetched_at=now, due_at=now + dt.timedelta(days=180)
        )
        with self.unit_of_work() as uow:
            if uow.movie_refreshes.find(refresh.movie_id) is not None:
                uow.movie_refreshes.put_many([postponed])
                uow.commit()

    @retried_when_busy
    def _store(self, refresh: MovieRefresh, facts: MovieFacts) -> None:
        """Store the fetched facts and the next schedule; commit.

        A movie that a user has edited or deleted since the claim stays unchanged.
        """
        with self.unit_of_work() as uow:
            if uow.movie_refreshes.find(refresh.movie_id) is None:
                return
            try:
                if parse_facts(uow.movies.get(refresh.movie_id).document) != facts:
                    uow.movies.update(refresh.movie_id, facts)
            except (NotFound, Conflict):
                return
            uow.movie_refreshes.put_many([schedule_refresh(refresh.movie_id, facts, self.clock())])
            uow.commit()
