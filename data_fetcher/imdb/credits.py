"""Directors, writers and cast of titles, from title.crew and title.principals."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from data_fetcher.imdb.data_sets import NULL
from data_fetcher.imdb.line_errors import LineErrors
from data_fetcher.imdb.title_row_cursor import TitleRowCursor

_NULL = NULL.encode()
_CAST_CATEGORIES = {b"actor", b"actress", b"self"}
"""Categories of people on screen; those of `archive_footage` did not take part."""


@dataclass(slots=True)
class Credits:
    """People of a title by the numbers of their ids (116 for nm0000116), in IMDb's order."""

    directors: list[int] = field(default_factory=list)
    writers: list[int] = field(default_factory=list)
    billing: list[tuple[int, int]] = field(default_factory=list)
    """Pairs of billing order and person; the lowest order is billed first."""

    def cast(self) -> list[int]:
        """Return the cast in billing order; sorts `billing` in place."""
        self.billing.sort()
        return [person for _, person in self.billing]


class CreditReader:
    """Reader of the credits of consecutive groups of titles, from the existing files."""

    def __init__(
        self, crew: TitleRowCursor | None, principals: TitleRowCursor | None, errors: LineErrors
    ) -> None:
        self._crew, self._principals, self._errors = crew, principals, errors

    def read(self, titles: Iterable[bytes], last: bytes) -> tuple[dict[bytes, Credits], set[int]]:
        """Return the credits of each of these titles, and all people in them.

        The files are read up to the id `last`; later calls pass only ids after it.
        """
        found = {title: Credits() for title in titles}
        people: set[int] = set()
        if self._crew:
            self._read_crew(self._crew, found, people, last)
        if self._principals:
            self._read_principals(self._principals, found, people, last)
        return found, people

    def _read_crew(
        self, crew: TitleRowCursor, found: dict[bytes, Credits], people: set[int], last: bytes
    ) -> None:
        for number, (title, directors, writers) in crew.read(found, last):
            try:
                if directors != _NULL:
                    found[title].directors = ids = _people(directors)
                    people.update(ids)
                if writers != _NULL:
                    found[title].writers = ids = _people(writers)
                    people.update(ids)
            except ValueError:
                self._errors.add(crew.name, number, "ids such as nm0000116, separated by commas")

    def _read_principals(
        self, principals: TitleRowCursor, found: dict[bytes, Credits], people: set[int], last: bytes
    ) -> None:
        for number, (title, ordering, person, category) in principals.read(found, last):
            if category in _CAST_CATEGORIES:
                try:
                    credit = int(ordering), int(person[2:])
                except ValueError:
                    expected = "a number, and an id such as nm0000116"
                    self._errors.add(principals.name, number, expected)
                else:
                    found[title].billing.append(credit)
                    people.add(credit[1])


def _people(ids: bytes) -> list[int]:
    return [int(person[2:]) for person in ids.split(b",")]
