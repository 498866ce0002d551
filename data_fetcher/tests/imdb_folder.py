"""Folders with small files of the shape of IMDb's."""

import gzip
from pathlib import Path

BASICS = (
    "tconst\ttitleType\tprimaryTitle\toriginalTitle\tisAdult\tstartYear\tendYear"
    "\truntimeMinutes\tgenres"
)
RATINGS = "tconst\taverageRating\tnumVotes"
CREW = "tconst\tdirectors\twriters"
PRINCIPALS = "tconst\tordering\tnconst\tcategory\tjob\tcharacters"
NAMES = "nconst\tprimaryName\tbirthYear\tdeathYear\tprimaryProfession\tknownForTitles"


def title(
    number: int | str,
    kind: str = "movie",
    text: str = "Alien",
    *,
    adult: int = 0,
    years: str = "1979\t\\N",
) -> str:
    """A line of title.basics."""
    return f"{tt(number)}\t{kind}\t{text}\t{text}\t{adult}\t{years}\t117\tHorror,Sci-Fi"


def played(number: int, ordering: int, person: int, category: str = "actor") -> str:
    """A line of title.principals."""
    return f"{tt(number)}\t{ordering}\tnm{person:07}\t{category}\t\\N\t\\N"


def person(number: int, name: str) -> str:
    """A line of name.basics."""
    return f"nm{number:07}\t{name}\t\\N\t\\N\t\\N\t\\N"


def tt(number: int | str) -> str:
    """A title's id."""
    return f"tt{number:07}" if isinstance(number, int) else number


def write(folder: Path, name: str, *lines: str | bytes) -> Path:
    """Write a packed file; the name is that of the data set."""
    path = folder / f"{name}.tsv.gz"
    path.write_bytes(gzip.compress(joined(*lines)))
    return path


def joined(*lines: str | bytes) -> bytes:
    """The bytes of these lines."""
    return b"".join((x.encode() if isinstance(x, str) else x) + b"\n" for x in lines)
