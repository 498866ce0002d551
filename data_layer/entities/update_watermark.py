"""Since when what is known of a film is true."""

import datetime as dt
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class MovieMark:
    """That the newest update of a film is of this time; it outlives the film.

    Args:
        film_key: SHA-256 of what the film is told by.
        updated_at: in UTC.
    """

    film_key: bytes
    updated_at: dt.datetime
