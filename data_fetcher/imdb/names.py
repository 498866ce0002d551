"""The names of people, by their ids: on the disk, since there are fourteen millions."""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path

from common.text import to_storable
from data_fetcher.imdb.data_sets import NULL
from data_fetcher.imdb.faults import LineFaults
from data_fetcher.imdb.files import Block, DataFile
from data_fetcher.imdb.ordering import OnBytes, open_scratch
from data_fetcher.omdb.fields import NAME_MAX_CHARACTERS

_REMEMBERED = 100_000
"""So many names, at most twice, are kept in memory: about 25 MB. Those who make the episodes of
a series come again and again."""


class Names:
    """Names by the numbers of their ids, as 116 of nm0000116.

    Args:
        path: of a new file; a million names need 40 MB.
    """

    def __init__(self, path: Path) -> None:
        self._database = open_scratch(path)
        self._database.execute("CREATE TABLE names (id INTEGER PRIMARY KEY, name TEXT)")
        self._recent: dict[int, str] = {}
        self._older: dict[int, str] = {}

    def close(self) -> None:
        """Give up the database; the file stays."""
        self._database.close()

    def load(self, file: DataFile, faults: LineFaults, on_bytes: OnBytes) -> None:
        """Add all people of a file; nobody who has no name there."""
        for block in file.blocks(faults):
            self._database.executemany(
                "INSERT OR REPLACE INTO names VALUES (?, ?)", _rows(file, block, faults)
            )
            on_bytes(file.bytes_read)

    def of(self, people: Iterable[int]) -> dict[int, str]:
        """Return the names of these people, by their ids; of those who have one."""
        found, missing = {}, []
        for person in people:
            name = self._recent.get(person) or self._older.get(person)
            if name is None:
                missing.append(person)
            else:
                found[person] = name
        query = "SELECT id, name FROM names WHERE id IN (SELECT value FROM json_each(?))"
        found.update(self._database.execute(query, (json.dumps(missing),)))
        if len(self._recent) > _REMEMBERED:
            self._older, self._recent = self._recent, {}
        self._recent.update(found)
        return found


def _rows(file: DataFile, block: Block, faults: LineFaults) -> Iterator[tuple[int, str]]:
    for line, number in zip(block.lines, block.numbers, strict=True):
        if (fields := file.fields(line, number, faults)) is None:
            continue
        person, name = file.pick(fields)
        try:
            text = to_storable(name.decode()).strip()
            if text and text != NULL:
                yield int(person[2:]), text[:NAME_MAX_CHARACTERS]
        except UnicodeDecodeError:
            faults.add(file.name, number, "UTF-8")
        except ValueError:
            faults.add(file.name, number, "an id such as nm0000116")
