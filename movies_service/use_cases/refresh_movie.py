"""Refresh of a stored movie from OMDb."""

import dataclasses
from functools import partial

from common.executors import CallExecutor
from data_fetcher.omdb.admission import FetchMovie, Purpose
from data_fetcher.omdb.lookups import ImdbIdLookup, MovieLookup, TitleLookup
from data_layer.entities.movie import MovieFacts
from data_layer.entities.movie_serialization import parse_facts
from data_layer.ports.result_recorder import ResultRecorder, record_nothing
from movies_service.accounts.caller import Caller
from movies_service.use_cases.movie_reference import ById, ByImdbId
from movies_service.use_cases.movies import ChangedMovie, Movies
from movies_service.use_cases.omdb_allowance import UNLIMITED, OmdbAllowance


class RefreshMovie:
    """Use case that replaces a movie's fields by the current ones of OMDb.

    Args:
        fetch_movie: Fetches one movie from OMDb.
        execute: Executes a function that uses the database, in a thread if it may wait.
        allowance: Limits of the OMDb requests that a caller causes.
    """

    def __init__(
        self,
        movies: Movies,
        fetch_movie: FetchMovie,
        execute: CallExecutor,
        allowance: OmdbAllowance = UNLIMITED,
    ) -> None:
        self._movies = movies
        self._fetch_movie = fetch_movie
        self._execute = execute
        self._allowance = allowance

    async def run(
        self,
        reference: ById | ByImdbId,
        by: Caller,
        record: ResultRecorder[ChangedMovie] = record_nothing,
    ) -> ChangedMovie:
        """Fetch the movie again, store it, commit, and return it.

        Raises:
            NotFound: the catalogue or OMDb does not have the movie; nothing changed.
            TooManyRequests: the caller's rate limit is exceeded.
            UpstreamUnavailable: OMDb failed; nothing changed.
            DatabaseUnavailable: nothing changed.
        """
        found = await self._execute(self._movies.get, reference)
        await self._allowance.consume(by)
        facts = await self._fetch_movie(
            _find_lookup(parse_facts(found.movie.document)), Purpose.INTERACTIVE
        )
        changes = {field.name: getattr(facts, field.name) for field in dataclasses.fields(facts)}
        change = partial(self._movies.change, is_from_source=True, record=record)
        return await self._execute(change, ById(found.movie.id), changes, by)


def _find_lookup(facts: MovieFacts) -> MovieLookup:
    if facts.imdb_id is not None:
        return ImdbIdLookup(facts.imdb_id)
    return TitleLookup(facts.title, facts.year)
