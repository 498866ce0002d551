"""When films are looked at again, in a dictionary by film."""

import dataclasses
import datetime as dt
from collections.abc import Collection, Iterable

from data_layer.entities.movie_refresh import MovieCheck


class FakeMovieCheckRepository:
    """See `data_layer.ports.movie_refreshes.MovieCheckRepository`."""

    def __init__(self, checks: dict[int, MovieCheck]) -> None:
        self.checks = checks

    def put_many(self, checks: Iterable[MovieCheck]) -> None:
        """Store checks."""
        self.checks.update({check.movie_id: check for check in checks})

    def find(self, movie_id: int) -> MovieCheck | None:
        """Return the check of this film."""
        return self.checks.get(movie_id)

    def claim(self, now: dt.datetime, until: dt.datetime, limit: int) -> tuple[MovieCheck, ...]:
        """Take films that are due."""
        due = sorted(
            (check for check in self.checks.values() if check.due_at <= now),
            key=lambda check: (check.due_at, check.movie_id),
        )[:limit]
        self.put_many(dataclasses.replace(check, due_at=until) for check in due)
        return tuple(due)

    def remove_many(self, movie_ids: Collection[int]) -> None:
        """Leave the films alone."""
        for movie_id in movie_ids:
            self.checks.pop(movie_id, None)
