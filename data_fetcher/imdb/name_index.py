"""Index of 14 million names by the ids of people, in a database on disk."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

from data_fetcher.imdb.data_sets import NULL
from data_fetcher.imdb.line_errors import LineErrors
from data_fetcher.imdb.sort_order import OnBytes, open_scratch
from data_fetcher.imdb.tsv_file import Block, TsvFile
from data_layer.entities.movie_fields import NAME_MAX_CHARACTERS

_CACHED = 100_000
"""Size of each of the two generations of the name cache, together about 25 MB.

The people of a series recur in all its episodes.
"""


class NameIndex:
    """Names by the numbers of people's ids (116 for nm0000116).

    Args:
        path: Of a new file; a million names need 40 MB.
    """

    def __init__(self, path: Path) -> None:
        self._database = open_scratch(path)
        self._database.execute("CREATE TABLE names (id INTEGER PRIMARY KEY, name TEXT)")
        self._recent: dict[int, str] = {}
        self._older: dict[int, str] = {}

    def close(self) -> None:
        """Close the database; the file is kept."""
        self._database.close()

    def load(self, file: TsvFile, errors: LineErrors, on_bytes: OnBytes) -> None:
        """Add all people of a file who have a name."""
        for block in file.blocks(errors):
            self._database.executemany(
                "INSERT OR REPLACE INTO names VALUES (?, ?)", _rows(file, block, errors)
            )
            on_bytes(file.bytes_read)

    def find_many(self, people: set[int]) -> Mapping[int, str]:
        """Return the names of these people, and of others; valid until the next call.

        People without a name are omitted.
        """
        if len(self._recent) > _CACHED:
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


def _rows(file: TsvFile, block: Block, errors: LineErrors) -> Iterator[tuple[int, str]]:
    width, pick = file.width, file.pick
    for line, number in zip(block.lines, block.numbers, strict=True):
        fields = line.split(b"\t")
        if len(fields) != width:
            file.add_width_error(fields, number, errors)
            continue
        person, name = pick(fields)
        try:
            text = name.decode().strip()[:NAME_MAX_CHARACTERS]
            if text and text != NULL:
                yield int(person[2:]), text
        except UnicodeDecodeError:
            errors.add(file.name, number, "UTF-8")
        except ValueError:
            errors.add(file.name, number, "an id such as nm0000116")
