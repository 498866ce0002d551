"""The ways in which a film is named: by id, by IMDb id, by title."""

import re
from dataclasses import dataclass

from common.errors import InvalidInput
from common.text import is_storable
from data_layer.entities.movie import TITLE_MAX_CHARACTERS

ID_MAX = 2**63 - 1
"""The largest id that every database can hold."""

_ID = re.compile(r"[0-9]+")
_IMDB_ID = re.compile(r"tt[0-9]{7,16}", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class ById:
    """A film of this catalogue; an id above `ID_MAX` is nobody's."""

    movie_id: int


@dataclass(frozen=True, slots=True)
class ByImdbId:
    """A film by its id at IMDb, in lower case."""

    imdb_id: str


@dataclass(frozen=True, slots=True)
class ByTitle:
    """The films of a title."""

    title: str


def parse_reference(text: str) -> ById | ByImdbId | ByTitle:
    """Understand `text` as an id (digits), else as an IMDb id, else as a title.

    Raises:
        InvalidInput: it is empty, too long, or holds what no title can.
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
            "A title holds neither NUL nor half of a surrogate pair.", field="reference"
        )
    return ByTitle(text)


def parse_identifier(text: str) -> ById | ByImdbId:
    """Understand `text` as `parse_reference` does, but take no title.

    Raises:
        InvalidInput: it is neither an id nor an IMDb id.
    """
    if isinstance(reference := parse_reference(text), ByTitle):
        raise InvalidInput(
            "Name the movie by its id (digits) or its IMDb id (tt and 7 digits or more).",
            field="reference",
        )
    return reference


def _bounded(digits: str) -> int:
    """Return the number, or one that no film has for ids that no database can hold.

    Comparing lengths first spares Python the conversion of thousands of digits.
    """
    significant = digits.lstrip("0")
    return min(int(significant or "0"), ID_MAX) if len(significant) <= len(str(ID_MAX)) else ID_MAX
