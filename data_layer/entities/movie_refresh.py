"""Refresh schedule of movies fetched from OMDb."""

import datetime as dt
from dataclasses import dataclass

from data_layer.entities.movie import MovieFacts

_DAYS_BY_AGE = ((0, 1), (1, 7), (5, 30))
"""Pairs of a maximum age in years and the days between two refreshes."""
_DAYS_LATER = 180


@dataclass(frozen=True, slots=True, kw_only=True)
class MovieRefresh:
    """Refresh schedule of one movie. Times are in UTC.

    A movie without a schedule is never refreshed: it came from another source, or was edited.
    """

    movie_id: int
    fetched_at: dt.datetime
    due_at: dt.datetime


def schedule_refresh(movie_id: int, facts: MovieFacts, now: dt.datetime) -> MovieRefresh:
    """Return the schedule of a movie fetched at `now`; the older the movie, the later it is due."""
    year = facts.end_year or facts.year or now.year
    age_years = now.year - year
    days = next((days for years, days in _DAYS_BY_AGE if age_years <= years), _DAYS_LATER)
    return MovieRefresh(movie_id=movie_id, fetched_at=now, due_at=now + dt.timedelta(days=days))
