"""Builders of small files in the format of IMDb's data sets."""

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
    """Return a line of title.basics."""
    return f"{tt(number)}\t{kind}\t{text}\t{text}\t{adult}\t{years}\t117\tHorror,Sci-Fi"


def played(number: int, ordering: int, person: int, category: str = "actor") -> str:
    """Return a line of title.principals."""
    return f"{tt(number)}\t{ordering}\tnm{person:07}\t{category}\t\\N\t\\N"


def person(number: int, name: str) -> str:
    """Return a line of name.basics."""
    return f"nm{number:07}\t{name}\t\\N\t\\N\t\\N\t\\N"


def tt(number: int | str) -> str:
    """Return the id of a title; text is returned unchanged."""
    return f"tt{number:07}" if isinstance(number, int) else number


def write(folder: Path, name: str, *lines: str | bytes) -> Path:
    """Write the compressed file of a data set, and return its path."""
    path = folder / f"{name}.tsv.gz"
    path.write_bytes(gzip.compress(joined(*lines)))
    return path


def joined(*lines: str | bytes) -> bytes:
    """Return the lines as bytes, each with a line feed."""
    return b"".join((line.encode() if isinstance(line, str) else line) + b"\n" for line in lines)
