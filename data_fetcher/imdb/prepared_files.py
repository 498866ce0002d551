"""What has to be done before films can be read: one order of all files, names at hand."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from common.cli.progress import Advance
from data_fetcher.imdb.data_sets import BASICS, CREW, NAMES, PRINCIPALS, RATINGS
from data_fetcher.imdb.files import DataSetFiles
from data_fetcher.imdb.line_errors import LineFaults
from data_fetcher.imdb.name_index import Names
from data_fetcher.imdb.sort_order import Order, as_text, is_in, order_of, sorted_blocks
from data_fetcher.imdb.title_row_cursor import TitleRows
from data_fetcher.imdb.tsv_file import Block, DataFile

_READ = (BASICS, RATINGS, CREW, PRINCIPALS, NAMES)


@dataclass(frozen=True, slots=True)
class Sources:
    """The files that films are made of, ready to be read side by side."""

    basics: DataFile
    blocks: Iterator[Block]
    """Of `basics`."""
    order: Order
    """That of all the files."""
    ratings: TitleRows | None
    """`None` where the file is missing, here and below."""
    crew: TitleRows | None
    principals: TitleRows | None
    names: Names


class Preparation:
    """Makes sources of files.

    Cost: every file is read once to see its order, and name.basics is copied into a database.
    Damage shows here, before the first film.

    Args:
        files: where the data sets are. Where names are missing, no credits are read.
        staging: a folder for what is given up at the end.
        faults: are told of lines that are left out, now and later.
        advance: is told how many bytes have been read, of files that are packed as they are.

    Raises:
        InvalidInput: a file can't be read, or has not the columns of IMDb's.
    """

    def __init__(
        self, files: DataSetFiles, staging: Path, faults: LineFaults, advance: Advance
    ) -> None:
        self._staging, self._faults, self._advance = staging, faults, advance
        wanted = _READ if NAMES.name in files.paths else (BASICS, RATINGS)
        self._files = {
            data_set.name: DataFile(files.paths[data_set.name], data_set)
            for data_set in wanted
            if data_set.name in files.paths
        }
        self._bytes_done = 0
        self._bytes_total = sum(file.bytes_total for file in self._files.values())

    def run(self, names: Names) -> Sources:
        """Read what has to be read before; fill `names`.

        Raises:
            InvalidInput: a file is damaged, or cut short.
        """
        basics = self._files[BASICS.name]
        found = order_of(basics, self._on_bytes)
        order = found or as_text
        self._end(basics)
        blocks = self._blocks(basics, order, is_in_order=found is not None)
        rows = {
            data_set.name: self._rows(self._files[data_set.name], order)
            for data_set in (RATINGS, CREW, PRINCIPALS)
            if data_set.name in self._files
        }
        if people := self._files.get(NAMES.name):
            names.load(people, self._faults, self._on_bytes)
            self._end(people)
        return Sources(
            basics,
            blocks,
            order,
            rows.get(RATINGS.name),
            rows.get(CREW.name),
            rows.get(PRINCIPALS.name),
            names,
        )

    def _rows(self, file: DataFile, order: Order) -> TitleRows:
        is_in_order = is_in(order, file, self._on_bytes)
        self._end(file)
        blocks = self._blocks(file, order, is_in_order=is_in_order)
        return TitleRows(file, blocks, order, self._faults)

    def _blocks(self, file: DataFile, order: Order, *, is_in_order: bool) -> Iterator[Block]:
        if is_in_order:
            return file.blocks(self._faults)
        return sorted_blocks(file, order, self._staging, self._faults)

    def _on_bytes(self, bytes_read: int) -> None:
        self._advance(self._bytes_done + bytes_read, self._bytes_total)

    def _end(self, file: DataFile) -> None:
        self._bytes_done += file.bytes_total
        self._on_bytes(0)
