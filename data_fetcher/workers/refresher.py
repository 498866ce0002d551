"""Looking at films again that have grown old."""

import asyncio
import datetime as dt
from dataclasses import dataclass

from common.clock import Clock, utc_now
from common.errors import Conflict, MoviesError, NotFound
from data_fetcher.film_checks import check_of
from data_fetcher.omdb.admission import Purpose
from data_fetcher.omdb.lookups import ImdbWish
from data_fetcher.workers.fetch_worker import Source
from data_layer.entities.movie import MovieFacts
from data_layer.entities.movie_document import movie_facts
from data_layer.entities.movie_refresh import MovieCheck
from data_layer.ports.unit_of_work import UnitOfWorkFactory
from data_layer.retries import retried_when_busy

TAKEN_HOURS = 1
"""For how long films are taken; one that could not be looked at is due again then."""

AT_ONCE = 10


@dataclass(frozen=True, slots=True)
class Refreshing:
    """Fetches films again out of the quota that is left over.

    A film that OMDb does not serve stays as it is, and so does one that a person has changed.

    Args:
        unit_of_work: opens transactions.
        source: of films.
        clock: in UTC.
    """

    unit_of_work: UnitOfWorkFactory
    source: Source
    clock: Clock = utc_now

    async def run(self) -> None:
        """Look at some films that are due, if there are any and the quota allows it.

        Raises:
            DatabaseUnavailable: the database does not serve.
        """
        if self.source.care.pause_seconds(Purpose.REFRESH):
            return
        for check in await asyncio.to_thread(self._claim):
            if (wish := await asyncio.to_thread(self._wish_for, check)) is None:
                continue
            try:
                facts = await self.source.ask(wish, Purpose.REFRESH)
            except NotFound:
                await asyncio.to_thread(self._put_off, check)
            except MoviesError:
                return
            else:
                await asyncio.to_thread(self._store, check, facts)

    @retried_when_busy
    def _claim(self) -> tuple[MovieCheck, ...]:
        now = self.clock()
        with self.unit_of_work() as uow:
            until = now + dt.timedelta(hours=TAKEN_HOURS)
            if checks := uow.movie_checks.claim(now, until, AT_ONCE):
                uow.commit()
        return checks

    def _wish_for(self, check: MovieCheck) -> ImdbWish | None:
        with self.unit_of_work(is_read_only=True) as uow:
            try:
                facts = movie_facts(uow.movies.get(check.movie_id).document)
            except NotFound:  # It was removed meanwhile, and its check with it.
                return None
        return ImdbWish(facts.imdb_id) if facts.imdb_id else None

    @retried_when_busy
    def _put_off(self, check: MovieCheck) -> None:
        """Keep a film that OMDb does not have any more, and look again after a long time."""
        now = self.clock()
        later = MovieCheck(
            movie_id=check.movie_id, checked_at=now, due_at=now + dt.timedelta(days=180)
        )
        with self.unit_of_work() as uow:
            if uow.movie_checks.find(check.movie_id) is not None:
                uow.movie_checks.put_many([later])
                uow.commit()

    @retried_when_busy
    def _store(self, check: MovieCheck, facts: MovieFacts) -> None:
        """Store what is new, unless somebody has changed or removed the film meanwhile."""
        with self.unit_of_work() as uow:
            if uow.movie_checks.find(check.movie_id) is None:
                return
            try:
                if movie_facts(uow.movies.get(check.movie_id).document) != facts:
                    uow.movies.update(check.movie_id, facts)
            except (NotFound, Conflict):
                return
            uow.movie_checks.put_many([check_of(check.movie_id, facts, self.clock())])
            uow.commit()
