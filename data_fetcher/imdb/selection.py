"""Which of IMDb's titles become films of the catalogue."""

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
"""What the catalogue makes of IMDb's `titleType`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """What a title has to be; all of it holds. Without arguments: any, but for adults only.

    Raises:
        InvalidInput: no title could be all of that.
    """

    types: frozenset[MovieType] = frozenset(TYPE_OF.values())
    min_votes: int = 0
    """A title without a rating has none."""
    since: int | None = None
    """The first year. Of a series the year in which it began counts."""
    until: int | None = None
    """The last year. Titles of an unknown year have neither a first nor a last one."""
    includes_adult: bool = False

    def __post_init__(self) -> None:
        if not self.types:
            raise InvalidInput("Select one type at least.", field="types")
        if self.min_votes < 0:
            raise InvalidInput("Votes are 0 at least.", field="min_votes")
        if self.since is not None and self.until is not None and self.since > self.until:
            raise InvalidInput("The first year is behind the last one.", field="since")

    def takes(self, movie_type: MovieType, year: int | None, *, is_adult: bool) -> bool:
        """Tell whether such a title is selected, whatever its votes are."""
        if movie_type not in self.types or (is_adult and not self.includes_adult):
            return False
        if year is None:
            return self.since is None and self.until is None
        is_late_enough = self.since is None or self.since <= year
        return is_late_enough and (self.until is None or year <= self.until)
