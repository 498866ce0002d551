"""When films are looked at again."""

import datetime as dt
from collections.abc import Collection, Iterable
from typing import Protocol

from data_layer.entities.movie_refresh import MovieCheck


class MovieCheckRepository(Protocol):
    """Keeps at most one check of each film; it goes when the film does."""

    def put_many(self, checks: Iterable[MovieCheck]) -> None:
        """Store checks, in the place of those that these films had."""
        ...

    def find(self, movie_id: int) -> MovieCheck | None:
        """Return the check of this film, if it has one."""
        ...

    def claim(self, now: dt.datetime, until: dt.datetime, limit: int) -> tuple[MovieCheck, ...]:
        """Take films that are due, the longest due first; before `until` nobody else gets them."""
        ...

    def remove_many(self, movie_ids: Collection[int]) -> None:
        """Leave the films alone from now on, those that were not already."""
        ...
