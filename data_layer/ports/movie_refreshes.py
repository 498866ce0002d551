"""Repository of movie refresh schedules."""

import datetime as dt
from collections.abc import Collection, Iterable
from typing import Protocol

from data_layer.entities.movie_refresh import MovieRefresh


class MovieRefreshRepository(Protocol):
    """Refresh schedules, at most one for each movie; deleted together with the movie."""

    def put_many(self, refreshes: Iterable[MovieRefresh]) -> None:
        """Store schedules, replacing previous ones of the same movies."""
        ...

    def find(self, movie_id: int) -> MovieRefresh | None:
        """Return the schedule of this movie, or `None`."""
        ...

    def claim(self, now: dt.datetime, until: dt.datetime, limit: int) -> tuple[MovieRefresh, ...]:
        """Return movies that are due, the longest overdue first, and postpone them to `until`."""
        ...

    def remove_many(self, movie_ids: Collection[int]) -> None:
        """Delete the schedules of these movies, if they exist."""
        ...
