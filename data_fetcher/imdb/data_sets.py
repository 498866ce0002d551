"""The data sets of IMDb: what they are called, and what they hold."""

from dataclasses import dataclass
from typing import Final

SUFFIX: Final = ".tsv.gz"
"""How the files end as IMDb gives them; they may have been unpacked to `.tsv`."""
NULL: Final = "\\N"
"""What stands where IMDb knows nothing."""


@dataclass(frozen=True, slots=True)
class DataSet:
    """One of the data sets; the first line of its file names the columns, in any order.

    Source: https://developer.imdb.com/non-commercial-datasets/
    """

    name: str
    """The name of its file, without the suffix."""
    columns: tuple[str, ...]
    """All of its columns; the first one is the id by which its lines are ordered."""
    read: tuple[str, ...] = ()
    """Those columns of which films are made; a file without one of them is refused."""
    loss: str | None = None
    """What films lack where the file is missing; `None` where they lack nothing."""


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
    read=(
        "tconst",
        "titleType",
        "primaryTitle",
        "isAdult",
        "startYear",
        "endYear",
        "runtimeMinutes",
        "genres",
    ),
)
RATINGS: Final = DataSet(
    "title.ratings",
    ("tconst", "averageRating", "numVotes"),
    read=("tconst", "averageRating", "numVotes"),
    loss="ratings and votes",
)
PRINCIPALS: Final = DataSet(
    "title.principals",
    ("tconst", "ordering", "nconst", "category", "job", "characters"),
    read=("tconst", "ordering", "nconst", "category"),
    loss="a cast",
)
NAMES: Final = DataSet(
    "name.basics",
    ("nconst", "primaryName", "birthYear", "deathYear", "primaryProfession", "knownForTitles"),
    read=("nconst", "primaryName"),
    loss="directors, writers and a cast",
)
CREW: Final = DataSet(
    "title.crew",
    ("tconst", "directors", "writers"),
    read=("tconst", "directors", "writers"),
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
"""The seven files. `AKAS` and `EPISODES` are made, but not read: films have no other titles, and
no series that they belong to."""
