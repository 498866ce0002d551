"""Who directed, wrote and played, from title.crew and title.principals."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from data_fetcher.imdb.data_sets import NULL
from data_fetcher.imdb.line_errors import LineFaults
from data_fetcher.imdb.title_row_cursor import TitleRows

_NULL = NULL.encode()
_SEEN = {b"actor", b"actress", b"self"}
"""The categories of those who are to be seen. Those of `archive_footage` have not taken part."""


@dataclass(slots=True)
class Credits:
    """The people of a title, by the numbers of their ids (116 of nm0000116), in IMDb's order."""

    directors: list[int] = field(default_factory=list)
    writers: list[int] = field(default_factory=list)
    billing: list[tuple[int, int]] = field(default_factory=list)
    """Each one of the cast behind a number: the lowest is billed first."""

    def cast(self) -> list[int]:
        """Return the cast as it is billed."""
        self.billing.sort()
        return [person for _, person in self.billing]


class CreditReader:
    """Reads the credits of some titles after others; see `TitleRows`.

    Args:
        crew: `None` where the file is missing.
        principals: the same.
        faults: are told of lines with ids that are none.
    """

    def __init__(
        self, crew: TitleRows | None, principals: TitleRows | None, faults: LineFaults
    ) -> None:
        self._crew, self._principals, self._faults = crew, principals, faults

    def read(self, titles: Iterable[bytes], last: bytes) -> tuple[dict[bytes, Credits], set[int]]:
        """Return the credits of each of these titles, and all people of whom they are.

        Args:
            titles: their ids.
            last: the next call asks for titles behind this one.
        """
        found = {title: Credits() for title in titles}
        people: set[int] = set()
        if self._crew:
            self._read_crew(self._crew, found, people, last)
        if self._principals:
            self._read_principals(self._principals, found, people, last)
        return found, people

    def _read_crew(
        self, crew: TitleRows, found: dict[bytes, Credits], people: set[int], last: bytes
    ) -> None:
        for number, (title, directors, writers) in crew.of(found, last):
            try:
                if directors != _NULL:
                    found[title].directors = ids = _people(directors)
                    people.update(ids)
                if writers != _NULL:
                    found[title].writers = ids = _people(writers)
                    people.update(ids)
            except ValueError:
                self._faults.add(crew.name, number, "ids such as nm0000116, and commas,")

    def _read_principals(
        self, principals: TitleRows, found: dict[bytes, Credits], people: set[int], last: bytes
    ) -> None:
        for number, (title, ordering, person, category) in principals.of(found, last):
            if category in _SEEN:
                try:
                    credit = int(ordering), int(person[2:])
                except ValueError:
                    expected = "an ordering, and an id such as nm0000116,"
                    self._faults.add(principals.name, number, expected)
                else:
                    found[title].billing.append(credit)
                    people.add(credit[1])


def _people(ids: bytes) -> list[int]:
    return [int(person[2:]) for person in ids.split(b",")]
