"""Repository of update watermarks."""

import datetime as dt
from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

from data_layer.entities.update_watermark import UpdateWatermark


class UpdateWatermarkRepository(Protocol):
    """Update watermarks, at most one for each movie key."""

    def find_many(self, movie_keys: Collection[bytes]) -> Mapping[bytes, dt.datetime]:
        """Return the watermarks of these movies, in UTC; movies without one are absent."""
        ...

    def add_many(self, watermarks: Sequence[UpdateWatermark]) -> None:
        """Store watermarks of movies that have none.

        Raises:
            Conflict: A movie has a watermark, or is given twice.
        """
        ...

    def remove_many(self, movie_keys: Collection[bytes]) -> None:
        """Delete the watermarks of these movies, if they exist."""
        ...
