"""Selection of the titles that are imported from IMDb's data sets."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from common.errors import InvalidInput
from data_layer.entities.movie import MovieType

TYPE_OF: Final[Mapping[bytes, MovieType]] = {
    b"movie": "movie",
    b"tvMovie": "movie",
    b"short": "movie",
    b"tvShort": "movie",
    b"video": "movie",
    b"tvSpecial": "movie",
    b"tvSeries": "series",
    b"tvMiniSeries": "series",
    b"tvEpisode": "episode",
    b"tvPilot": "episode",
    b"videoGame": "game",
}
"""Movie type by IMDb's `titleType`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Conditions that a title has to meet, all of them; the defaults select all but adult titles.

    Raises:
        InvalidInput: No title can meet the conditions.
    """

    types: frozenset[MovieType] = frozenset(TYPE_OF.values())
    min_votes: int = 0
    """Minimum number of votes; a title without a rating has 0."""
    since: int | None = None
    """First year, inclusive; the start year counts for a series."""
    until: int | None = None
    """Last year, inclusive; with either limit, titles without a year are excluded."""
    includes_adult: bool = False

    def __post_init__(self) -> None:
        if not self.types:
            raise InvalidInput("At least one type is required.", field="types")
        if self.min_votes < 0:
            raise InvalidInput("The minimum of votes must be 0 or greater.", field="min_votes")
        if self.since is not None and self.until is not None and self.since > self.until:
            raise InvalidInput("The first year must not be after the last year.", field="since")

    def includes(self, movie_type: MovieType, year: int | None, *, is_adult: bool) -> bool:
        """Return whether such a title is selected, apart from its votes."""
        if movie_type not in self.types or (is_adult and not self.includes_adult):
            return False
        if year is None:
            return self.since is None and self.until is None
        is_late_enough = self.since is None or self.since <= year
        return is_late_enough and (self.until is None or year <= self.until)
