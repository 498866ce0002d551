"""Since when what is known of films is true, in a dictionary."""

import datetime as dt
from collections.abc import Collection, Mapping, Sequence

from common.errors import Conflict
from data_layer.entities.update_watermark import MovieMark


class FakeMovieMarkRepository:
    """See `data_layer.ports.update_watermarks.MovieMarkRepository`."""

    def __init__(self, marks: dict[bytes, dt.datetime]) -> None:
        self.marks = marks

    def find_many(self, film_keys: Collection[bytes]) -> Mapping[bytes, dt.datetime]:
        """Return the times of the films that have a mark."""
        return {key: self.marks[key] for key in film_keys if key in self.marks}

    def add_many(self, marks: Sequence[MovieMark]) -> None:
        """Store marks."""
        if any(mark.film_key in self.marks for mark in marks):
            raise Conflict("A film has a mark already.")
        self.marks.update((mark.film_key, mark.updated_at) for mark in marks)

    def remove_many(self, film_keys: Collection[bytes]) -> None:
        """Forget the marks of these films."""
        for key in film_keys:
            self.marks.pop(key, None)
