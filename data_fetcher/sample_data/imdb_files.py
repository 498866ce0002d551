"""Generator of files in the format of IMDb's data sets, with synthetic titles and people."""

import gzip
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from common.cli.progress import Advance
from common.errors import InvalidInput
from common.files import new_file
from data_fetcher.imdb.data_sets import ALL, NAMES, PRINCIPALS, SUFFIX, DataSet
from data_fetcher.sample_data.imdb_ids import IdSequence
from data_fetcher.sample_data.imdb_people import PeopleGenerator
from data_fetcher.sample_data.imdb_principals import PrincipalGenerator
from data_fetcher.sample_data.imdb_titles import TitleGenerator

_BATCH_LINES = 1_000


@dataclass(frozen=True, slots=True)
class Amounts:
    """Numbers of lines to generate: titles and names from 1 to 20,000,000, principals from 0."""

    titles: int
    names: int
    principals: int


def generate(folder: Path, amounts: Amounts, seed: int, advance: Advance) -> None:
    """Write all seven files; the same amounts and seed produce the same bytes.

    The files appear when all of them are complete.

    Lines are in the order of IMDb's files: by id as text. Memory use does not depend on the
    amounts. A million titles with three million principals take about 100 MB on disk.

    `advance` counts titles and names together.

    Raises:
        InvalidInput: One of the files exists, or the folder is not writable.
    """
    titles, names = IdSequence("tt", amounts.titles), IdSequence("nm", amounts.names)
    people = PeopleGenerator(seed, names, titles)
    title_lines = TitleGenerator(seed, people)
    principals = PrincipalGenerator(seed, people, amounts.titles, amounts.principals)
    total = amounts.titles + amounts.names
    with _new_files(folder) as files:
        done = 0
        ids = titles.in_file_order()
        while batch := [tconst for tconst, _ in islice(ids, _BATCH_LINES)]:
            generated = [title_lines.lines(tconst) for tconst in batch]
            for name in generated[0]:
                files.write(name, "".join([lines[name] for lines in generated]))
            files.write(PRINCIPALS.name, "".join(map(principals.lines, batch)))
            advance(done := done + len(batch), total)
        people_ids = names.in_file_order()
        while lines := [people.line(*person) for person in islice(people_ids, _BATCH_LINES)]:
            files.write(NAMES.name, "".join(lines))
            advance(done := done + len(lines), total)


class _NewFiles:
    """New files by the names of their data sets; each starts with its header line."""

    def __init__(self, stack: ExitStack, folder: Path) -> None:
        self._files = {data_set.name: _new_file(stack, folder, data_set) for data_set in ALL}

    def write(self, name: str, lines: str) -> None:
        self._files[name].write(lines.encode())


@contextmanager
def _new_files(folder: Path) -> Iterator[_NewFiles]:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with ExitStack() as stack:
            yield _NewFiles(stack, folder)
    except FileExistsError:
        raise InvalidInput("The folder already contains such files: choose another one.") from None
    except OSError:
        raise InvalidInput(
            "The files can't be written: check the path, its permissions and the free space."
        ) from None


def _new_file(stack: ExitStack, folder: Path, data_set: DataSet) -> gzip.GzipFile:
    raw = stack.enter_context(new_file(folder / f"{data_set.name}{SUFFIX}"))
    # A fixed mtime keeps the bytes reproducible. Level 1 is three times as fast as level 9, and
    # its output is a third larger.
    compressed = gzip.GzipFile(filename="", mode="wb", compresslevel=1, fileobj=raw, mtime=0)
    file = stack.enter_context(compressed)
    file.write(("\t".join(data_set.columns) + "\n").encode())
    return file
