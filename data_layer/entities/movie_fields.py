"""Types of a movie's fields, with the limits that every source, format and database shares."""

import re
from typing import Annotated

from pydantic import AfterValidator, Field

from common.invalid_values import pattern_with
from common.text import is_storable

TITLE_MAX_CHARACTERS = 500
"""Maximum length of a title from any source. The longest known title has 227 characters."""
NAME_MAX_CHARACTERS = 300
TEXT_MAX_CHARACTERS = 20_000
TEXT_MAX_BYTES = 65_535
"""Capacity of MariaDB's type TEXT."""
URL_MAX_CHARACTERS = 2_000
"""Maximum length of a URL; a longer one counts as unknown, because a truncated one is wrong."""
NAMES_MAX = 1_000
"""Maximum number of directors, writers or actors of a movie."""
YEAR_MIN, YEAR_MAX = 1800, 2200
MINUTES_MAX = 100_000
COUNT_MAX = 2**63 - 1
"""Largest integer that every supported database can store."""
METASCORE_MAX, RATING_MAX = 100, 10
IMDB_ID_PATTERN = "tt[0-9]{7,16}"
"""Regular expression of an IMDb id, without anchors."""

_UTF8_MAX = 4
"""Maximum number of bytes of a character."""


def is_imdb_id(text: str) -> bool:
    """Return whether the whole text is an IMDb id, in lower case."""
    return re.fullmatch(IMDB_ID_PATTERN, text) is not None


def meaning(description: str) -> object:
    """Return the annotation that describes a field in the schemas of all JSON formats."""
    return Field(description=description)


def _require_storable(text: str) -> str:
    if not text.strip() or not is_storable(text):
        raise ValueError("must not be blank or contain NUL")
    return text


def _require_within_byte_limit(text: str) -> str:
    if len(text) * _UTF8_MAX > TEXT_MAX_BYTES and len(text.encode()) > TEXT_MAX_BYTES:
        raise ValueError(f"must have at most {TEXT_MAX_BYTES} bytes in UTF-8")
    return text


MovieId = Annotated[int, Field(ge=1, le=2**53)]
ImdbId = Annotated[str, Field(pattern=pattern_with("tt0078748", f"^{IMDB_ID_PATTERN}$"))]
Title = Annotated[str, Field(max_length=TITLE_MAX_CHARACTERS), AfterValidator(_require_storable)]
Name = Annotated[str, Field(max_length=NAME_MAX_CHARACTERS), AfterValidator(_require_storable)]
Names = Annotated[tuple[Name, ...], Field(max_length=NAMES_MAX, fail_fast=True)]
Text = Annotated[
    str,
    Field(max_length=TEXT_MAX_CHARACTERS),
    AfterValidator(_require_storable),
    AfterValidator(_require_within_byte_limit),
]
Url = Annotated[
    str,
    Field(
        max_length=URL_MAX_CHARACTERS,
        pattern=pattern_with(
            "https://movies.example/alien.jpg",
            r"^[Hh][Tt][Tt][Pp][Ss]?://[^\s\x00-\x1f\x7f\"<>]+$",
        ),
    ),
]
Year = Annotated[int, Field(ge=YEAR_MIN, le=YEAR_MAX)]
Minutes = Annotated[int, Field(ge=1, le=MINUTES_MAX)]
Count = Annotated[int, Field(ge=0, le=COUNT_MAX)]
Metascore = Annotated[int, Field(ge=0, le=METASCORE_MAX)]
ImdbRating = Annotated[float, Field(ge=0, le=RATING_MAX, allow_inf_nan=False)]
