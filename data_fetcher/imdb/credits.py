"""Who directed, wrote and played: from title.crew, title.principals and name.basics."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from data_fetcher.imdb.data_sets import NULL
from data_fetcher.imdb.faults import LineFaults
from data_fetcher.imdb.title_rows import TitleRows

_NULL = NULL.encode()
_SEEN = {b"actor", b"actress", b"self"}
"""The categories of those who are to be seen. Those of `archive_footage` have not taken part."""


@dataclass(slots=True)
class Credits:
    """The people of a title, by the numbers of their ids, in IMDb's order."""

    directors: list[int] = field(default_factory=list)
    writers: list[int] = field(default_factory=list)
    billing: list[tuple[int, int]] = field(default_factory=list)
    """Each one of the cast behind a number: the lowest is billed first."""

    def cast(self) -> list[int]:
        """Return the cast as it is billed."""
        return [person for _, person in sorted(self.billing)]

    def people(self) -> list[int]:
        """Return everybody, in no order."""
        return [*self.directors, *self.writers, *(person for _, person in self.billing)]


class CreditReader:
    """Reads credits of some titles after others; see `TitleRows`.

    Args:
        crew: `None` where the file is missing.
        principals: the same.
        faults: are told of lines with ids that are none.
    """

    def __init__(
        self, crew: TitleRows | None, principals: TitleRows | None, faults: LineFaults
    ) -> None:
        self._crew, self._principals, self._faults = crew, principals, faults

    def read(self, titles: Iterable[bytes], last: bytes) -> Mapping[bytes, Credits]:
        """Return the credits of all these titles; the last one in order is `last`."""
        found = {title: Credits() for title in titles}
        if self._crew:
            self._read_crew(self._crew, found, last)
        if self._principals:
            self._read_principals(self._principals, found, last)
        return found

    def _read_crew(self, crew: TitleRows, found: dict[bytes, Credits], last: bytes) -> None:
        for number, (title, directors, writers) in crew.of(found, last):
            try:
                found[title].directors = _people(directors)
                found[title].writers = _people(writers)
            except ValueError:
                self._faults.add(crew.name, number, "ids such as nm0000116, and commas,")

    def _read_principals(
        self, principals: TitleRows, found: dict[bytes, Credits], last: bytes
    ) -> None:
        for number, (title, ordering, person, category) in principals.of(found, last):
            if category in _SEEN:
                try:
                    found[title].billing.append((int(ordering), int(person[2:])))
                except ValueError:
                    self._faults.add(
                        principals.name, number, "an ordering, and an id such as nm0000116,"
                    )


def _people(ids: bytes) -> list[int]:
    return [] if ids == _NULL else [int(person[2:]) for person in ids.split(b",")]
