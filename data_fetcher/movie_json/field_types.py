"""What the fields of a film from outside may be."""

from typing import Annotated

from pydantic import AfterValidator, Field

from common.text import is_storable
from data_fetcher.omdb.field_parsers import (
    COUNT_MAX,
    MINUTES_MAX,
    NAME_MAX_CHARACTERS,
    NAMES_MAX,
    TEXT_MAX_CHARACTERS,
    URL_MAX_CHARACTERS,
    YEAR_MAX,
    YEAR_MIN,
)
from data_layer.entities.movie import TITLE_MAX_CHARACTERS


def _require_storable(text: str) -> str:
    if not text.strip() or not is_storable(text):
        raise ValueError("it is blank, or holds NUL")
    return text


def _require_fitting(text: str) -> str:
    if len(text) * _UTF8_MAX > TEXT_MAX_BYTES and len(text.encode()) > TEXT_MAX_BYTES:
        raise ValueError(f"it has more than {TEXT_MAX_BYTES} bytes")
    return text


TEXT_MAX_BYTES = 65_535
"""That a TEXT of MariaDB holds."""
_UTF8_MAX = 4
"""Bytes of one character."""

Text = Annotated[
    str,
    Field(max_length=TEXT_MAX_CHARACTERS),
    AfterValidator(_require_storable),
    AfterValidator(_require_fitting),
]
Name = Annotated[str, Field(max_length=NAME_MAX_CHARACTERS), AfterValidator(_require_storable)]
Names = Annotated[tuple[Name, ...], Field(max_length=NAMES_MAX)]
Title = Annotated[str, Field(max_length=TITLE_MAX_CHARACTERS), AfterValidator(_require_storable)]
ImdbId = Annotated[str, Field(pattern=r"^tt[0-9]{7,16}$")]
FilmId = Annotated[int, Field(ge=1, le=2**53)]
Url = Annotated[
    str,
    Field(
        max_length=URL_MAX_CHARACTERS, pattern=r"^[Hh][Tt][Tt][Pp][Ss]?://[^\s\x00-\x1f\x7f\"<>]+$"
    ),
]
Year = Annotated[int, Field(ge=YEAR_MIN, le=YEAR_MAX)]
Count = Annotated[int, Field(ge=0, le=COUNT_MAX)]
Minutes = Annotated[int, Field(ge=1, le=MINUTES_MAX)]
Metascore = Annotated[int, Field(ge=0, le=100)]
ImdbRating = Annotated[float, Field(ge=0, le=10, allow_inf_nan=False)]
