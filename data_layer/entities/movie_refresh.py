"""When a film was last fetched, and when it is due again."""

import datetime as dt
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class MovieCheck:
    """That a film came from the source, and is to be looked at again. Times are in UTC.

    A film without one is left alone: it came from elsewhere, or a person has changed it.
    """

    movie_id: int
    checked_at: dt.datetime
    due_at: dt.datetime
