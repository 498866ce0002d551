"""Movie refresh schedules in a dictionary by movie id."""

import dataclasses
import datetime as dt
from collections.abc import Collection, Iterable

from data_layer.entities.movie_refresh import MovieRefresh
from data_layer.ports.movie_refreshes import MovieRefreshRepository


class FakeMovieRefreshRepository(MovieRefreshRepository):
    """In-memory `data_layer.ports.movie_refreshes.MovieRefreshRepository`."""

    def __init__(self) -> None:
        self.rows: dict[int, MovieRefresh] = {}

    def put_many(self, refreshes: Iterable[MovieRefresh]) -> None:
        """Store schedules, replacing previous ones of the same movies."""
        self.rows.update({refresh.movie_id: refresh for refresh in refreshes})

    def find(self, movie_id: int) -> MovieRefresh | None:
        """Return the schedule of this movie, or `None`."""
        return self.rows.get(movie_id)

    def claim(self, now: dt.datetime, until: dt.datetime, limit: int) -> tuple[MovieRefresh, ...]:
        """Return movies that are due, and postpone them to `until`."""
        due = sorted(
            (refresh for refresh in self.rows.values() if refresh.due_at <= now),
            key=lambda refresh: (refresh.due_at, refresh.movie_id),
        )[:limit]
        self.put_many(dataclasses.replace(refresh, due_at=until) for refresh in due)
        return tuple(due)

    def remove_many(self, movie_ids: Collection[int]) -> None:
        """Delete the schedules of these movies."""
        for movie_id in movie_ids:
            self.rows.pop(movie_id, None)
