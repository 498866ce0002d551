"""Query for a page of movies: filter, sort order and position."""

from dataclasses import dataclass
from typing import Literal

from data_layer.entities.movie import StoredMovie

SortField = Literal["title", "year", "id"]

SortPosition = tuple[int | str, ...]
"""Position of a movie in a sort order, for keyset pagination: its sort values, the id last.

Shape: `(title key, year key, id)`, `(year key, title key, id)` or `(id,)`, by sort field.
"""

UNKNOWN_YEAR = 0
"""Sort value of an unknown year; it sorts before every known year."""


@dataclass(frozen=True, slots=True)
class MovieSort:
    """Total order of movies; the id breaks ties."""

    field: SortField = "title"
    is_descending: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class MovieFilter:
    """Conditions on listed movies, joined by AND; `None` does not restrict.

    Texts match whole values, by `common.text.match_key`.
    """

    title: str | None = None
    year: int | None = None
    genre: str | None = None
    cast: str | None = None


SHORT_SKIP = 500
"""Number of movies that a short query may skip; skipping 10,000 takes up to 30 ms."""

_SHORT_ORDERS: dict[frozenset[str], tuple[SortField, ...]] = {
    frozenset(): ("title", "year", "id"),
    frozenset({"title"}): ("title", "year"),
    frozenset({"title", "year"}): ("title", "year", "id"),
    frozenset({"year"}): ("title", "year", "id"),
    frozenset({"genre"}): ("title", "year", "id"),
    frozenset({"cast"}): ("title",),
}
"""Orders in which an index holds the movies of these filters, and only them; each has a total that
is stored, or counts few rows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MovieQuery:
    """Requested page.

    The page starts after the position `after`, if it is set, and then skips `skip` movies.
    """

    filter: MovieFilter = MovieFilter()
    sort: MovieSort = MovieSort()
    limit: int = 10
    after: SortPosition | None = None
    skip: int = 0
    counts_total: bool = False

    @property
    def is_short(self) -> bool:
        """Whether the page takes less than 5 ms, however large the catalogue is."""
        filters = frozenset(
            name
            for name in ("title", "year", "genre", "cast")
            if getattr(self.filter, name) is not None
        )
        return self.skip <= SHORT_SKIP and self.sort.field in _SHORT_ORDERS.get(filters, ())


@dataclass(frozen=True, slots=True)
class MoviePage:
    """Page of movies.

    `next_after` is the position after which the next page starts; `None` on the last page. `total`
    is the number of matching movies if the query set `counts_total`, else `None`.
    """

    movies: tuple[StoredMovie, ...]
    next_after: SortPosition | None
    total: int | None
