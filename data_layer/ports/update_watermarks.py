"""Since when what is known of films is true."""

import datetime as dt
from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

from data_layer.entities.update_watermark import MovieMark


class MovieMarkRepository(Protocol):
    """Keeps at most one mark of each film."""

    def find_many(self, film_keys: Collection[bytes]) -> Mapping[bytes, dt.datetime]:
        """Return the times of those of the films that have a mark, in UTC."""
        ...

    def add_many(self, marks: Sequence[MovieMark]) -> None:
        """Store marks of films that have none.

        Raises:
            Conflict: a film has one, or comes twice.
        """
        ...

    def remove_many(self, film_keys: Collection[bytes]) -> None:
        """Delete the marks of these films."""
        ...
