"""When a film is looked at again: new ones often, old ones rarely."""

import datetime as dt

from data_layer.entities.movie import MovieFacts
from data_layer.entities.movie_refresh import MovieCheck

_DAYS_BY_AGE = ((0, 1), (1, 7), (5, 30))
"""Up to how many years after its release a film is looked at each so many days."""
_DAYS_LATER = 180


def check_of(movie_id: int, facts: MovieFacts, now: dt.datetime) -> MovieCheck:
    """Return the check of a film that came from the source at `now`."""
    year = facts.end_year or facts.year or now.year
    age_years = now.year - year
    days = next((days for years, days in _DAYS_BY_AGE if age_years <= years), _DAYS_LATER)
    return MovieCheck(movie_id=movie_id, checked_at=now, due_at=now + dt.timedelta(days=days))
