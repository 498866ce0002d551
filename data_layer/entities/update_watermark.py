"""Last-write-wins watermark of a movie."""

import datetime as dt
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class UpdateWatermark:
    """Timestamp of the newest applied update of a movie.

    It is kept after the movie is deleted, so that older updates do not restore the movie.

    Args:
        movie_key: SHA-256 digest of the identity of the movie.
    """

    movie_key: bytes
    updated_at: dt.datetime
