"""Parser of title.basics, limited to the selected titles."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from data_fetcher.imdb.data_sets import NULL
from data_fetcher.imdb.line_errors import LineErrors
from data_fetcher.imdb.selection import TYPE_OF, Selection
from data_fetcher.imdb.tsv_file import Block, TsvFile
from data_layer.entities.movie import MovieType
from data_layer.entities.movie_fields import (
    COUNT_MAX,
    IMDB_ID_PATTERN,
    MINUTES_MAX,
    NAME_MAX_CHARACTERS,
    RATING_MAX,
    TITLE_MAX_CHARACTERS,
    YEAR_MAX,
    YEAR_MIN,
)

_TITLE_ID = re.compile(IMDB_ID_PATTERN.encode())
_NULL = NULL.encode()
_GENRES_CACHED = 10_000


@dataclass(slots=True)
class Title:
    """Title with the fields of title.basics and title.ratings; unknown is `None` or empty."""

    id: bytes
    ordinal: int
    """Number of titles in the file up to this one."""
    title: str
    type: MovieType
    year: int | None
    end_year: int | None
    runtime_minutes: int | None
    genres: tuple[str, ...]
    imdb_rating: float | None = None
    imdb_votes: int | None = None


class TitleReader:
    """Parser of titles; skips lines that lack a required field and records their errors.

    A line requires all columns, a known type, a title of 1 to 500 characters, and an id that
    differs from that of the line above. Other invalid values count as unknown, as in OMDb's
    responses.
    """

    def __init__(self, file: TsvFile, selection: Selection, errors: LineErrors) -> None:
        self._file, self._selection, self._errors = file, selection, errors
        self._last_id = b""
        self.count = 0
        """Number of titles so far, selected or not."""

    def read(self, block: Block, start: int) -> Iterator[Title]:
        """Yield the selected titles of a block; the condition on votes is not checked here.

        Lines before the index `start` are only counted.
        """
        self.count += start
        for index in range(start, len(block.lines)):
            self.count += 1
            if title := self._title(block.lines[index], block.numbers[index]):
                yield title

    def _title(self, line: bytes, number: int) -> Title | None:
        """Return the title of a line; `None` if it is invalid or not selected."""
        fields = line.split(b"\t")
        if len(fields) != self._file.width:
            self._file.add_width_error(fields, number, self._errors)
            return None
        values = self._file.pick(fields)
        _id, kind, _title, adult, first, *_rest = values
        if (movie_type := TYPE_OF.get(kind)) is None:
            self._errors.add(self._file.name, number, "a titleType such as tvSeries")
            return None
        year = parse_number(first, YEAR_MIN, YEAR_MAX)
        if not self._selection.includes(movie_type, year, is_adult=adult == b"1"):
            return None
        return self._selected(values, movie_type, year, number)

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
            parse_number(last, year or YEAR_MIN, YEAR_MAX) if is_series else None,
            parse_number(minutes, 1, MINUTES_MAX),
            _parse_genres(genres),
        )

    def _is_new(self, title_id: bytes, number: int) -> bool:
        is_new = title_id != self._last_id and _TITLE_ID.fullmatch(title_id) is not None
        if not is_new:
            self._errors.add(self._file.name, number, "an id that no line above has")
        self._last_id = title_id
        return is_new

    def _text(self, value: bytes, number: int) -> str | None:
        try:
            text = value.decode().strip()
        except UnicodeDecodeError:
            self._errors.add(self._file.name, number, "UTF-8")
            return None
        if 0 < len(text) <= TITLE_MAX_CHARACTERS and text != NULL:
            return text
        self._errors.add(
            self._file.name, number, f"a title of 1 to {TITLE_MAX_CHARACTERS} characters"
        )
        return None


def parse_number(value: bytes, lowest: int, highest: int) -> int | None:
    """Return a number from `lowest` to `highest`; `None` for any other value."""
    if not value.isdigit() or len(value) > len(str(COUNT_MAX)):
        return None
    number = int(value)
    return number if lowest <= number <= highest else None


def parse_rating(value: bytes) -> float | None:
    """Return a rating from 0 to 10, rounded to one decimal; `None` for any other value."""
    try:
        rating = round(float(value), 1)
    except ValueError:
        return None
    return rating if 0 <= rating <= RATING_MAX else None


@lru_cache(_GENRES_CACHED)
def _parse_genres(value: bytes) -> tuple[str, ...]:
    if value == _NULL:
        return ()
    parts = value.decode(errors="ignore").split(",")
    genres = dict.fromkeys(part.strip()[:NAME_MAX_CHARACTERS] for part in parts)
    return tuple(genre for genre in genres if genre)
