"""Names and columns of IMDb's data sets."""

from dataclasses import dataclass
from typing import Final

SUFFIX: Final = ".tsv.gz"
"""Suffix of the files as published; `.tsv` files, which are decompressed, are read as well."""
NULL: Final = "\\N"
"""Marker of an empty field."""


@dataclass(frozen=True, slots=True)
class DataSet:
    """Data set of IMDb; the first line of its file names the columns, in any order.

    Source: https://developer.imdb.com/non-commercial-datasets/
    """

    name: str
    """Name of its file, without the suffix."""
    columns: tuple[str, ...]
    """All columns; the first one is the id by which the lines are sorted."""
    unread: tuple[str, ...] = ()
    """Columns that are not read."""
    loss: str | None = None
    """Fields that movies lack if the file is missing; `None` if it is not needed or required."""

    @property
    def read(self) -> tuple[str, ...]:
        """Columns that are read; a file that lacks one of them is an error."""
        return tuple(column for column in self.columns if column not in self.unread)


BASICS: Final = DataSet(
    "title.basics",
    (
        "tconst",
        "titleType",
        "primaryTitle",
        "originalTitle",
        "isAdult",
        "startYear",
        "endYear",
        "runtimeMinutes",
        "genres",
    ),
    unread=("originalTitle",),
)
RATINGS: Final = DataSet(
    "title.ratings",
    ("tconst", "averageRating", "numVotes"),
    loss="ratings and votes",
)
PRINCIPALS: Final = DataSet(
    "title.principals",
    ("tconst", "ordering", "nconst", "category", "job", "characters"),
    unread=("job", "characters"),
    loss="a cast",
)
NAMES: Final = DataSet(
    "name.basics",
    ("nconst", "primaryName", "birthYear", "deathYear", "primaryProfession", "knownForTitles"),
    unread=("birthYear", "deathYear", "primaryProfession", "knownForTitles"),
    loss="directors, writers and a cast",
)
CREW: Final = DataSet(
    "title.crew",
    ("tconst", "directors", "writers"),
    loss="directors and writers",
)
AKAS: Final = DataSet(
    "title.akas",
    (
        "titleId",
        "ordering",
        "title",
        "region",
        "language",
        "types",
        "attributes",
        "isOriginalTitle",
    ),
)
EPISODES: Final = DataSet(
    "title.episode", ("tconst", "parentTconst", "seasonNumber", "episodeNumber")
)
ALL: Final = (BASICS, RATINGS, PRINCIPALS, NAMES, AKAS, CREW, EPISODES)
"""The seven data sets.

`AKAS` and `EPISODES` are generated but not read: movies have neither alternative titles nor a
parent series.
"""
