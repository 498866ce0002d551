"""Refresh schedules of movies in a table."""

import datetime as dt
from collections.abc import Collection, Iterable

from sqlalchemy import delete, insert, update

from common.batches import batched
from data_layer.entities.movie_refresh import MovieRefresh
from data_layer.ports.movie_refreshes import MovieRefreshRepository
from data_layer.sql import models
from data_layer.sql.entity_mapper import EntityMapper
from data_layer.sql.transaction import Transaction

_ROW = models.MovieRefresh
_KEYS_AT_ONCE = 1_000


class SqlAlchemyMovieRefreshRepository(MovieRefreshRepository):
    """SQL implementation of `data_layer.ports.movie_refreshes.MovieRefreshRepository`."""

    def __init__(self, transaction: Transaction) -> None:
        self._session = transaction.session
        self._rows = EntityMapper(transaction.session, MovieRefresh, _ROW)

    def put_many(self, refreshes: Iterable[MovieRefresh]) -> None:
        """Replace the schedules of these movies; the last one of a movie wins."""
        by_movie = {refresh.movie_id: refresh for refresh in refreshes}
        if not by_movie:
            return
        self._session.execute(delete(_ROW).where(_ROW.movie_id.in_(by_movie)))
        rows = [self._rows.columns_of(refresh) for refresh in by_movie.values()]
        self._session.execute(insert(_ROW), rows)

    def find(self, movie_id: int) -> MovieRefresh | None:
        """Return the schedule of the movie, or None."""
        return self._rows.find(_ROW.movie_id == movie_id)

    def claim(self, now: dt.datetime, until: dt.datetime, limit: int) -> tuple[MovieRefresh, ...]:
        """Return due schedules not locked by another worker, and move them to `until`."""
        refreshes = self._rows.list(
            _ROW.due_at <= now, by=(_ROW.due_at, _ROW.movie_id), limit=limit, skips_locked=True
        )
        if refreshes:
            movies = [refresh.movie_id for refresh in refreshes]
            self._session.execute(
                update(_ROW).where(_ROW.movie_id.in_(movies)).values(due_at=until)
            )
        return refreshes

    def remove_many(self, movie_ids: Collection[int]) -> None:
        """Delete the schedules of these movies."""
        for ids in batched(list(movie_ids), _KEYS_AT_ONCE):
            self._rows.remove(_ROW.movie_id.in_(ids))
