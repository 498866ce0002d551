"""The lines of title.basics, as titles that were selected."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from common.text import to_storable
from data_fetcher.imdb.data_sets import NULL
from data_fetcher.imdb.faults import LineFaults
from data_fetcher.imdb.files import Block, DataFile
from data_fetcher.imdb.selection import TYPE_OF, Selection
from data_fetcher.omdb.fields import (
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
        selected_types, takes_year = self._selection.types, self._selection.takes_year
        includes_adult, pick = self._selection.includes_adult, self._file.pick
        for index in range(start, len(block.lines)):
            number = block.numbers[index]
            self.count += 1
            fields = self._file.fields(block.lines[index], number, self._faults)
            if fields is None:
                continue
            title_id, kind, title, adult, first, last, minutes, genres = pick(fields)
            if (movie_type := TYPE_OF.get(kind)) is None:
                self._faults.add(self._file.name, number, "a titleType such as tvSeries")
            elif (
                movie_type in selected_types
                and (includes_adult or adult != b"1")
                and takes_year(year := read_number(first, YEAR_MIN, YEAR_MAX))
                and self._is_new(title_id, number)
                and (text := self._text(title, number))
            ):
                yield Title(
                    title_id,
                    self.count,
                    text,
                    movie_type,
                    year,
                    read_number(last, year or YEAR_MIN, YEAR_MAX) if movie_type == "series" else None,
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
            text = to_storable(value.decode()).strip()
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
    parts = to_storable(value.decode(errors="ignore")).split(",")
    genres = dict.fromkeys(part.strip()[:NAME_MAX_CHARACTERS] for part in parts)
    return tuple(genre for genre in genres if genre)
