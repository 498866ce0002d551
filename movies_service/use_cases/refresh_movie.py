"""Fetching a film again that is in the catalogue."""

import dataclasses
from functools import partial

from common.executors import Run
from data_fetcher.omdb.admission import Ask, Purpose
from data_fetcher.omdb.lookups import ImdbWish, TitleWish, Wish
from data_layer.entities.movie import MovieFacts
from data_layer.entities.movie_document import movie_facts
from movies_service.accounts.caller import Caller
from movies_service.rate_limiting.rate_limiter import RateLimit
from movies_service.use_cases.movie_reference import ById, ByImdbId
from movies_service.use_cases.movies import ChangedMovie, Movies


class RefreshMovie:
    """Replaces what is known of a film by what OMDb says now.

    Args:
        movies: the catalogue.
        ask: asks OMDb for one film.
        run: runs what waits for the database.
        limit: how often one caller may have OMDb asked.
    """

    def __init__(
        self,
        movies: Movies,
        ask: Ask,
        run: Run,
        limit: RateLimit | None = None,
    ) -> None:
        self._movies = movies
        self._ask = ask
        self._run = run
        self._limit = limit

    async def run(self, reference: ById | ByImdbId, by: Caller) -> ChangedMovie:
        """Return the film as it is now.

        Raises:
            NotFound: it is not in the catalogue, or not at OMDb; nothing has changed.
            TooManyRequests: the caller has had OMDb asked too often.
            UpstreamUnavailable: OMDb does not serve; nothing has changed.
            DatabaseUnavailable: nothing has changed.
        """
        found = await self._run(self._movies.get, reference)
        if self._limit is not None:
            await self._limit.take(by.client)
        facts = await self._ask(_wish_for(movie_facts(found.movie.document)), Purpose.DIRECT)
        changes = {field.name: getattr(facts, field.name) for field in dataclasses.fields(facts)}
        change = partial(self._movies.change, is_from_source=True)
        return await self._run(change, ById(found.movie.id), changes, by)


def _wish_for(facts: MovieFacts) -> Wish:
    if facts.imdb_id is not None:
        return ImdbWish(facts.imdb_id)
    return TitleWish(facts.title, facts.year)
