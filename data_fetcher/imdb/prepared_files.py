"""Preparation of the data set files: one sort order for all, and an index of the names."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from common.cli.progress import Advance
from data_fetcher.imdb.data_sets import BASICS, CREW, NAMES, PRINCIPALS, RATINGS
from data_fetcher.imdb.files import DataSetFiles
from data_fetcher.imdb.line_errors import LineErrors
from data_fetcher.imdb.name_index import NameIndex
from data_fetcher.imdb.sort_order import Order, as_text, is_in, order_of, sorted_blocks
from data_fetcher.imdb.title_row_cursor import TitleRowCursor
from data_fetcher.imdb.tsv_file import Block, TsvFile

_READ = (BASICS, RATINGS, CREW, PRINCIPALS, NAMES)


@dataclass(frozen=True, slots=True)
class PreparedFiles:
    """Data set files in one sort order, ready for the merge join."""

    basics: TsvFile
    blocks: Iterator[Block]
    """Blocks of `basics`."""
    order: Order
    """Sort order of all files."""
    ratings: TitleRowCursor | None
    """`None` if the file is missing, like `crew` and `principals`."""
    crew: TitleRowCursor | None
    principals: TitleRowCursor | None
    names: NameIndex


class FilePreparation:
    """Preparation of the files for the merge join.

    Cost: every file is read once to detect its order, and name.basics is copied to a database.
    Damaged files are therefore detected before the first movie.

    Args:
        staging: Folder for temporary files; the caller deletes it.
        advance: Receives the number of bytes read; compressed bytes for compressed files.

    Raises:
        InvalidInput: A file cannot be read or lacks a column.
    """

    def __init__(
        self, files: DataSetFiles, staging: Path, errors: LineErrors, advance: Advance
    ) -> None:
        self._staging, self._errors, self._advance = staging, errors, advance
        needed = _READ if NAMES.name in files.paths else (BASICS, RATINGS)
        self._files = {
            data_set.name: TsvFile(files.paths[data_set.name], data_set)
            for data_set in needed
            if data_set.name in files.paths
        }
        self._bytes_done = 0
        self._bytes_total = sum(file.bytes_total for file in self._files.values())

    def run(self, names: NameIndex) -> PreparedFiles:
        """Detect or create the sort order of each file, and fill `names`.

        Raises:
            InvalidInput: A file is damaged or truncated.
        """
        basics = self._files[BASICS.name]
        detected = order_of(basics, self._on_bytes)
        order = detected or as_text
        self._end(basics)
        blocks = self._blocks(basics, order, is_in_order=detected is not None)
        rows = {
            data_set.name: self._rows(self._files[data_set.name], order)
            for data_set in (RATINGS, CREW, PRINCIPALS)
            if data_set.name in self._files
        }
        if people := self._files.get(NAMES.name):
            names.load(people, self._errors, self._on_bytes)
            self._end(people)
        return PreparedFiles(
            basics,
            blocks,
            order,
            rows.get(RATINGS.name),
            rows.get(CREW.name),
            rows.get(PRINCIPALS.name),
            names,
        )

    def _rows(self, file: TsvFile, order: Order) -> TitleRowCursor:
        is_in_order = is_in(order, file, self._on_bytes)
        self._end(file)
        blocks = self._blocks(file, order, is_in_order=is_in_order)
        return TitleRowCursor(file, blocks, order, self._errors)

    def _blocks(self, file: TsvFile, order: Order, *, is_in_order: bool) -> Iterator[Block]:
        if is_in_order:
            return file.blocks(self._errors)
        return sorted_blocks(file, order, self._staging, self._errors)

    def _on_bytes(self, bytes_read: int) -> None:
        self._advance(self._bytes_done + bytes_read, self._bytes_total)

    def _end(self, file: TsvFile) -> None:
        self._bytes_done += file.bytes_total
        self._on_bytes(0)
