"""A file of IMDb's, read in blocks of lines."""

import gzip
import os
import re
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import compress
from operator import itemgetter
from pathlib import Path
from typing import BinaryIO

from common.errors import InvalidInput
from data_fetcher.imdb.data_sets import DataSet
from data_fetcher.imdb.line_errors import LineFaults

BLOCK_BYTES = 262_144
"""So much is unpacked at once."""
LINE_MAX_BYTES = 1_048_576
"""A file with a longer line is none of IMDb's."""


@dataclass(slots=True)
class Block:
    """Some successive lines, without their ends."""

    ids: Sequence[bytes]
    lines: Sequence[bytes]
    numbers: Sequence[int]
    """Of the lines in the file, where the header is 1."""
    is_sorted: bool
    """Whether no id is before the one above it, as a text."""


class DataFile:
    """A data set's file. Its columns are found by their names in the first line.

    Args:
        path: a file that ends in `.gz` is unpacked on the way.
        data_set: says which columns are needed.

    Raises:
        InvalidInput: it can't be opened or unpacked, or has not all columns that are needed.
    """

    def __init__(self, path: Path, data_set: DataSet) -> None:
        self.name = path.name
        self._path = path
        with self._opened() as raw:
            self.bytes_total = os.fstat(raw.fileno()).st_size
            header = next(self._lines(raw), ([b""], 1))[0][0]
        columns = header.decode(errors="replace").split("\t")
        for column in data_set.read:
            if column not in columns:
                raise InvalidInput(f"{self.name}, line 1: the column {column} is missing.")
        self.bytes_read = 0
        """How much the latest pass has read, of `bytes_total`: both are of the file on the disk."""
        self.width = len(columns)
        """The number of fields of each line."""
        self.pick = itemgetter(*map(columns.index, data_set.read))
        """Takes the fields of a line, and gives those that are read, in the data set's order."""
        self._id_place = columns.index(data_set.read[0])
        self._id_prefix = "nm" if data_set.read[0] == "nconst" else "tt"
        self._match_id = re.compile(f"{self._id_prefix}[0-9]{{7,16}}".encode()).fullmatch

    def blocks(self, faults: LineFaults | None = None) -> Iterator[Block]:
        """Yield all lines but the header. Memory does not grow with the file.

        Args:
            faults: is told of lines that have no id. They are left out, but for some of those
                that don't break the order.

        Raises:
            InvalidInput: the file is damaged, cut short, or has a line without an end.
        """
        with self._opened() as raw:
            for lines, first in self._lines(raw):
                self.bytes_read = raw.tell()
                numbers = range(first, first + len(lines))
                if first == 1:
                    lines, numbers = lines[1:], numbers[1:]  # noqa: PLW2901 - Without the header.
                if lines:
                    block = self._block(lines, numbers, faults)
                    if block.ids:
                        yield block

    def tell_width(self, fields: Sequence[bytes], number: int, faults: LineFaults) -> None:
        """Tell the faults of a line that has not as many fields as the header."""
        faults.add(self.name, number, f"{self.width} fields, and not {len(fields)},")

    def _block(
        self, lines: Sequence[bytes], numbers: Sequence[int], faults: LineFaults | None
    ) -> Block:
        ids = self._ids(lines)
        is_sorted = ids == sorted(ids)
        # Among sorted ids nobody asks for what is no id; at the ends it would hide what follows.
        if is_sorted and self._match_id(ids[0]) and self._match_id(ids[-1]):
            return Block(ids, lines, numbers, is_sorted)
        are_ids = [self._match_id(found) is not None for found in ids]
        if faults is not None:
            for number, is_id in zip(numbers, are_ids, strict=True):
                if not is_id:
                    faults.add(self.name, number, f"an id such as {self._id_prefix}0000116")
        ids, lines = list(compress(ids, are_ids)), list(compress(lines, are_ids))
        return Block(ids, lines, list(compress(numbers, are_ids)), ids == sorted(ids))

    def _ids(self, lines: Sequence[bytes]) -> list[bytes]:
        place = self._id_place
        if place == 0:
            return [line.partition(b"\t")[0] for line in lines]
        all_fields = (line.split(b"\t", place + 1) for line in lines)
        return [fields[place] if len(fields) > place else b"" for fields in all_fields]

    def _lines(self, raw: BinaryIO) -> Iterator[tuple[list[bytes], int]]:
        """Yield some lines, and the number of the first of them; the first is the header."""
        number, rest = 1, b""
        file = gzip.GzipFile(fileobj=raw) if self._path.suffix == ".gz" else raw
        while chunk := self._read(file, number):
            lines = (rest + chunk.replace(b"\0", b"")).split(b"\n")  # No database holds NUL.
            rest = lines.pop()
            if len(rest) > LINE_MAX_BYTES:
                raise InvalidInput(
                    f"{self.name}, line {number + len(lines):,}: it is longer than "
                    f"{LINE_MAX_BYTES:,} bytes, as no line of IMDb's is."
                )
            if lines:
                yield lines, number
            number += len(lines)
        if rest:
            yield [rest], number

    def _read(self, file: BinaryIO | gzip.GzipFile, number: int) -> bytes:
        try:
            return file.read(BLOCK_BYTES)
        except (gzip.BadGzipFile, EOFError, zlib.error):
            raise InvalidInput(
                f"{self.name} is damaged or cut short behind line {number:,}: download it again."
            ) from None

    @contextmanager
    def _opened(self) -> Iterator[BinaryIO]:
        try:
            with self._path.open("rb") as raw:
                yield raw
        except OSError:
            raise InvalidInput(f"{self.name} can't be read.") from None
