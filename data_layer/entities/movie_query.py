"""Which films are listed, in which order, and from where on."""

from dataclasses import dataclass
from typing import Literal

from data_layer.entities.movie import StoredMovie

SortField = Literal["title", "year", "id"]

Position = tuple[int | str, ...]
"""Where one film stands in an order: the values it is sorted by, its id last.

Shape: `(title key, year key, id)`, `(year key, title key, id)` or `(id,)`, as the sort field is.
"""

UNKNOWN_YEAR = 0
"""What an unknown year counts as in an order: older than every film."""


@dataclass(frozen=True, slots=True)
class MovieSort:
    """An order of films; each is total, since the id breaks ties."""

    field: SortField = "title"
    is_descending: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class MovieFilter:
    """What all listed films have in common. `None` does not restrict.

    Texts match whole values, by `common.text.match_key`.
    """

    title: str | None = None
    year: int | None = None
    genre: str | None = None
    cast: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MovieQuery:
    """A page that is asked for.

    `after` and `skip` say where it begins: behind a position, or behind a number of films.
    """

    filter: MovieFilter = MovieFilter()
    sort: MovieSort = MovieSort()
    limit: int = 10
    after: Position | None = None
    skip: int = 0
    counts_total: bool = False


@dataclass(frozen=True, slots=True)
class MoviePage:
    """A page of films.

    `next_after` is the position behind which the next page begins, or `None` on the last
    one; `total` counts the films that match, where the query asked for it.
    """

    movies: tuple[StoredMovie, ...]
    next_after: Position | None
    total: int | None
