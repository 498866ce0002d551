"""The names of people, by their ids: on the disk, since there are fourteen millions."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

from data_fetcher.imdb.data_sets import NULL
from data_fetcher.imdb.line_errors import LineFaults
from data_fetcher.imdb.sort_order import OnBytes, open_scratch
from data_fetcher.imdb.tsv_file import Block, DataFile
from data_fetcher.omdb.field_parsers import NAME_MAX_CHARACTERS

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

    def of(self, people: set[int]) -> Mapping[int, str]:
        """Return the names of these people and of others; good until the next call.

        It has nobody without a name.
        """
        if len(self._recent) > _REMEMBERED:
            self._older, self._recent = self._recent, {}
        missing = []
        for person in people.difference(self._recent):
            if name := self._older.get(person):
                self._recent[person] = name
            else:
                missing.append(person)
        query = "SELECT id, name FROM names WHERE id IN (SELECT value FROM json_each(?))"
        self._recent.update(self._database.execute(query, (json.dumps(missing),)))
        return self._recent


def _rows(file: DataFile, block: Block, faults: LineFaults) -> Iterator[tuple[int, str]]:
    width, pick = file.width, file.pick
    for line, number in zip(block.lines, block.numbers, strict=True):
        fields = line.split(b"\t")
        if len(fields) != width:
            file.tell_width(fields, number, faults)
            continue
        person, name = pick(fields)
        try:
            text = name.decode().strip()[:NAME_MAX_CHARACTERS]
            if text and text != NULL:
                yield int(person[2:]), text
        except UnicodeDecodeError:
            faults.add(file.name, number, "UTF-8")
        except ValueError:
            faults.add(file.name, number, "an id such as nm0000116")
