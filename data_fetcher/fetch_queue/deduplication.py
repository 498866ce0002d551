"""Deduplication of fetches, and the negative cache of movies that the source lacks."""

import datetime as dt
from collections.abc import Sequence

from common.clock import Clock
from data_fetcher.fetch_queue.deduplication_key import Requester, deduplication_key, lookup_fields
from data_fetcher.omdb.lookups import MovieLookup
from data_layer.entities.fetch import Fetch, FetchState

NEGATIVE_CACHE_HOURS = (6, 24, 168)
"""Lifetime of a not-found result, after the first, the second and each further one in a row."""


def by_deduplication_key(lookups: Sequence[MovieLookup]) -> dict[bytes, MovieLookup]:
    """Return the lookups by deduplication key; of duplicates, the first."""
    by_key: dict[bytes, MovieLookup] = {}
    for lookup in lookups:
        by_key.setdefault(deduplication_key(lookup), lookup)
    return by_key


class FetchDeduplicator:
    """Decision whether a requested fetch joins an existing one.

    Args:
        negative_cache_hours: Lifetimes of a not-found result, by the number of such results in
            a row; the last one applies to all further results. Empty disables the cache.
        clock: Returns the current time in UTC.
    """

    def __init__(self, negative_cache_hours: Sequence[int], clock: Clock) -> None:
        self._negative_cache_hours = negative_cache_hours
        self._clock = clock

    def is_duplicate_of(self, newest: Fetch, movie_id: int | None) -> bool:
        """Return whether a new fetch would duplicate the newest one with the same key.

        Args:
            newest: Newest fetch with the same key.
            movie_id: Id of the movie in the catalogue; None if it is not there.
        """
        if movie_id is not None:
            return newest.state is FetchState.FETCHED and newest.movie_id == movie_id
        return newest.state.is_open or self.is_negatively_cached(newest)

    def is_negatively_cached(self, newest: Fetch) -> bool:
        """Return whether the fetch is a not-found result that has not expired."""
        if newest.state is not FetchState.NOT_FOUND or not self._negative_cache_hours:
            return False
        index = min(newest.not_found_count, len(self._negative_cache_hours)) - 1
        lifetime = dt.timedelta(hours=self._negative_cache_hours[index])
        return newest.finished_at is not None and self._clock() < newest.finished_at + lifetime


def new_fetch(
    lookup: MovieLookup,
    by: Requester,
    newest: Fetch | None,
    movie_id: int | None,
    now: dt.datetime,
) -> Fetch:
    """Return a queued fetch, or a finished one if the movie is in the catalogue.

    Args:
        lookup: Lookup of the requested movie.
        by: Requester, for the audit log.
        newest: Newest fetch with the same key; None if there is none.
        movie_id: Id of the movie in the catalogue; None if it is not there.
        now: Current time in UTC.
    """
    was_not_found = newest is not None and newest.state is FetchState.NOT_FOUND
    imdb_id, title, year = lookup_fields(lookup)
    return Fetch(
        deduplication_key=deduplication_key(lookup),
        imdb_id=imdb_id,
        title=title,
        year=year,
        state=FetchState.QUEUED if movie_id is None else FetchState.FETCHED,
        movie_id=movie_id,
        finished_at=None if movie_id is None else now,
        not_found_count=newest.not_found_count if newest is not None and was_not_found else 0,
        caller=by.name,
        address=by.address,
        request_id=by.request_id,
        created_at=now,
        due_at=now,
    )
