"""References to a movie: ID, IMDb ID or title."""

import re
from dataclasses import dataclass

from common.errors import InvalidInput
from common.text import is_storable
from data_layer.entities.movie_fields import IMDB_ID_PATTERN, TITLE_MAX_CHARACTERS

ID_MAX = 2**63 - 1
"""Largest ID that every database can store."""

_ID = re.compile(r"[0-9]+")
_IMDB_ID = re.compile(IMDB_ID_PATTERN, re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class ById:
    """Reference by catalogue ID; larger numbers are reduced to `ID_MAX`, which no movie has."""

    movie_id: int


@dataclass(frozen=True, slots=True)
class ByImdbId:
    """Reference by IMDb ID, in lower case."""

    imdb_id: str


@dataclass(frozen=True, slots=True)
class ByTitle:
    """Reference by title, which several movies may share."""

    title: str


def parse_reference(text: str) -> ById | ByImdbId | ByTitle:
    """Parse `text` as an ID (digits), else as an IMDb ID, else as a title.

    Raises:
        InvalidInput: the text is blank, too long, or has characters that cannot be stored.
    """
    if _ID.fullmatch(text):
        return ById(_bounded(text))
    if _IMDB_ID.fullmatch(text):
        return ByImdbId(text.lower())
    if not text.strip():
        raise InvalidInput("Name a movie by its id, its IMDb id or its title.", field="reference")
    if len(text) > TITLE_MAX_CHARACTERS:
        raise InvalidInput(
            f"A title has at most {TITLE_MAX_CHARACTERS} characters.", field="reference"
        )
    if not is_storable(text):
        raise InvalidInput(
            "A title must not contain NUL or unpaired surrogates.", field="reference"
        )
    return ByTitle(text)


def parse_identifier(text: str) -> ById | ByImdbId:
    """Parse `text` as an ID or an IMDb ID.

    Raises:
        InvalidInput: the text is neither.
    """
    if isinstance(reference := parse_reference(text), ByTitle):
        raise InvalidInput(
            "Name the movie by its id (digits) or its IMDb id (tt and 7 digits or more).",
            field="reference",
        )
    return reference


def _bounded(digits: str) -> int:
    """Return the number, at most `ID_MAX`.

    The length is compared first, to avoid the slow conversion of thousands of digits.
    """
    significant = digits.lstrip("0")
    return min(int(significant or "0"), ID_MAX) if len(significant) <= len(str(ID_MAX)) else ID_MAX
