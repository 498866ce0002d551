"""Files of the shape of IMDb's data sets, with titles and people that nobody knows."""

import gzip
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from common.cli.progress import Advance
from common.errors import InvalidInput
from data_fetcher.imdb.data_sets import ALL, NAMES, PRINCIPALS, SUFFIX, DataSet
from data_fetcher.sample_data.imdb_ids import MadeIds
from data_fetcher.sample_data.imdb_people import PeopleMaker
from data_fetcher.sample_data.imdb_principals import PrincipalMaker
from data_fetcher.sample_data.imdb_titles import TitleMaker

_AT_ONCE = 1_000


@dataclass(frozen=True, slots=True)
class Amounts:
    """How much is made; titles and names 1 to 20,000,000, principals any number."""

    titles: int
    names: int
    principals: int


def generate(folder: Path, amounts: Amounts, seed: int, advance: Advance) -> None:
    """Write all seven files; the same arguments give the same bytes.

    Lines are in the order of IMDb's files: by id as text. Memory does not grow with the
    amounts. A million titles with three million principals need about 100 MB on the disk.

    Args:
        folder: is made where there is none.
        amounts: of lines; the other files get as many as these have to do with.
        seed: another one gives other films and people.
        advance: is told of titles and names together.

    Raises:
        InvalidInput: one of the files is there, or the folder can't be written to.
    """
    titles, names = MadeIds("tt", amounts.titles), MadeIds("nm", amounts.names)
    people = PeopleMaker(seed, names, titles)
    maker = TitleMaker(seed, people)
    principals = PrincipalMaker(seed, people, amounts.titles, amounts.principals)
    total = amounts.titles + amounts.names
    with _new_files(folder) as files:
        done = 0
        ids = titles.in_file_order()
        while batch := [tconst for tconst, _ in islice(ids, _AT_ONCE)]:
            made = [maker.lines(tconst) for tconst in batch]
            for name in made[0]:
                files.write(name, "".join([lines[name] for lines in made]))
            files.write(PRINCIPALS.name, "".join(map(principals.lines, batch)))
            advance(done := done + len(batch), total)
        people_ids = names.in_file_order()
        while lines := [people.line(*person) for person in islice(people_ids, _AT_ONCE)]:
            files.write(NAMES.name, "".join(lines))
            advance(done := done + len(lines), total)


class _NewFiles:
    """The files, by the names of their data sets; each begins with its header."""

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
        raise InvalidInput("The folder has such files already: name another one.") from None
    except OSError:
        raise InvalidInput("The folder can't be written to, or there is no room left.") from None


def _new_file(stack: ExitStack, folder: Path, data_set: DataSet) -> gzip.GzipFile:
    raw = stack.enter_context((folder / f"{data_set.name}{SUFFIX}").open("xb"))
    # A time would make the bytes differ; level 1 is three times as fast as 9, for a third more.
    packed = gzip.GzipFile(filename="", mode="wb", compresslevel=1, fileobj=raw, mtime=0)
    file = stack.enter_context(packed)
    file.write(("\t".join(data_set.columns) + "\n").encode())
    return file
