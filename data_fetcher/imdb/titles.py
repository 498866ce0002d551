"""The lines of title.basics, as titles that were selected."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from data_fetcher.imdb.data_sets import NULL
from data_fetcher.imdb.line_errors import LineFaults
from data_fetcher.imdb.selection import TYPE_OF, Selection
from data_fetcher.imdb.tsv_file import Block, DataFile
from data_fetcher.omdb.field_parsers import (
    COUNT_MAX,
    MINUTES_MAX,
    NAME_MAX_CHARACTERS,
    YEAR_MAX,
    YEAR_MIN,
)
from data_layer.entities.movie import TITLE_MAX_CHARACTERS, MovieType

_TITLE_ID = re.compile(rb"tt[0-9]{7,16}")
_NULL = NULL.encode()
_RATING_MAX = 10
_GENRES_REMEMBERED = 10_000


@dataclass(slots=True)
class Title:
    """What title.basics and title.ratings say of a title; unknown is `None`, or empty."""

    id: bytes
    place: int
    """How many titles there are in the file up to this one."""
    title: str
    type: MovieType
    year: int | None
    end_year: int | None
    runtime_minutes: int | None
    genres: tuple[str, ...]
    imdb_rating: float | None = None
    imdb_votes: int | None = None


class TitleReader:
    """Reads titles, and tells the faults of lines without what no title is without.

    That are all fields, a type that is known, a title of 1 to 500 characters, and an id that
    no line above has. All else that can't be understood counts as unknown, as in OMDb's answers.
    """

    def __init__(self, file: DataFile, selection: Selection, faults: LineFaults) -> None:
        self._file, self._selection, self._faults = file, selection, faults
        self._last_id = b""
        self.count = 0
        """How many titles there were, selected or not."""

    def read(self, block: Block, start: int) -> Iterator[Title]:
        """Yield the titles of a block that are selected, as far as this file can say.

        Args:
            block: the next one.
            start: the index of its first line that is read; those before are just counted.
        """
        self.count += start
        for index in range(start, len(block.lines)):
            self.count += 1
            if title := self._title(block.lines[index], block.numbers[index]):
                yield title

    def _title(self, line: bytes, number: int) -> Title | None:
        """Return the title of a line, if it is selected."""
        fields = line.split(b"\t")
        if len(fields) != self._file.width:
            self._file.tell_width(fields, number, self._faults)
            return None
        picked = self._file.pick(fields)
        _id, kind, _title, adult, first, *_rest = picked
        if (movie_type := TYPE_OF.get(kind)) is None:
            self._faults.add(self._file.name, number, "a titleType such as tvSeries")
            return None
        year = read_number(first, YEAR_MIN, YEAR_MAX)
        if not self._selection.takes(movie_type, year, is_adult=adult == b"1"):
            return None
        return self._selected(picked, movie_type, year, number)

    def _selected(
        self, fields: tuple[bytes, ...], movie_type: MovieType, year: int | None, number: int
    ) -> Title | None:
        title_id, _kind, title, _adult, _first, last, minutes, genres = fields
        if not self._is_new(title_id, number) or not (text := self._text(title, number)):
            return None
        is_series = movie_type == "series"
        return Title(
            title_id,
            self.count,
            text,
            movie_type,
            year,
            read_number(last, year or YEAR_MIN, YEAR_MAX) if is_series else None,
            read_number(minutes, 1, MINUTES_MAX),
            _read_genres(genres),
        )

    def _is_new(self, title_id: bytes, number: int) -> bool:
        is_new = title_id != self._last_id and _TITLE_ID.fullmatch(title_id) is not None
        if not is_new:
            self._faults.add(self._file.name, number, "an id that no line above has")
        self._last_id = title_id
        return is_new

    def _text(self, value: bytes, number: int) -> str | None:
        try:
            text = value.decode().strip()
        except UnicodeDecodeError:
            self._faults.add(self._file.name, number, "UTF-8")
            return None
        if 0 < len(text) <= TITLE_MAX_CHARACTERS and text != NULL:
            return text
        self._faults.add(
            self._file.name, number, f"a title of 1 to {TITLE_MAX_CHARACTERS} characters"
        )
        return None


def read_number(value: bytes, lowest: int, highest: int) -> int | None:
    """Return a number from `lowest` to `highest`; any other is unknown."""
    if not value.isdigit() or len(value) > len(str(COUNT_MAX)):
        return None
    number = int(value)
    return number if lowest <= number <= highest else None


def read_rating(value: bytes) -> float | None:
    """Return a rating from 0 to 10, with one decimal."""
    try:
        rating = round(float(value), 1)
    except ValueError:
        return None
    return rating if 0 <= rating <= _RATING_MAX else None


@lru_cache(_GENRES_REMEMBERED)
def _read_genres(value: bytes) -> tuple[str, ...]:
    if value == _NULL:
        return ()
    parts = value.decode(errors="ignore").split(",")
    genres = dict.fromkeys(part.strip()[:NAME_MAX_CHARACTERS] for part in parts)
    return tuple(genre for genre in genres if genre)
