"""Data set file of IMDb, read in blocks of lines."""

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
from data_fetcher.imdb.line_errors import LineErrors

BLOCK_BYTES = 262_144
"""Number of decompressed bytes per read."""
LINE_MAX_BYTES = 1_048_576
"""Maximum length of a line; IMDb's lines are far shorter."""


@dataclass(slots=True)
class Block:
    """Consecutive lines, without their line feeds."""

    ids: Sequence[bytes]
    lines: Sequence[bytes]
    numbers: Sequence[int]
    """Line numbers in the file; the header is line 1."""
    is_sorted: bool
    """Whether the ids are sorted as text."""


class TsvFile:
    """File of a data set. Its columns are found by their names in the first line.

    A file whose name ends in `.gz` is decompressed while it is read.

    Raises:
        InvalidInput: The file cannot be opened or decompressed, or lacks a required column.
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
        """Bytes that the latest pass has read, of `bytes_total`; both count the file on disk."""
        self.width = len(columns)
        """Number of fields per line."""
        self.pick = itemgetter(*map(columns.index, data_set.read))
        """Returns the fields of a line that are read, in the order of `DataSet.read`."""
        self._id_index = columns.index(data_set.read[0])
        self._id_prefix = "nm" if data_set.read[0] == "nconst" else "tt"
        self._match_id = re.compile(f"{self._id_prefix}[0-9]{{7,16}}".encode()).fullmatch

    def blocks(self, errors: LineErrors | None = None) -> Iterator[Block]:
        """Yield all lines except the header. The memory is independent of the file's size.

        Args:
            errors: Receives lines without a valid id. They are skipped, except for some that do
                not break the sort order.

        Raises:
            InvalidInput: The file is damaged or truncated, or has a line that is too long.
        """
        with self._opened() as raw:
            for lines, first in self._lines(raw):
                self.bytes_read = raw.tell()
                numbers = range(first, first + len(lines))
                if first == 1:
                    lines, numbers = lines[1:], numbers[1:]  # noqa: PLW2901 - Without the header.
                if lines:
                    block = self._block(lines, numbers, errors)
                    if block.ids:
                        yield block

    def add_width_error(self, fields: Sequence[bytes], number: int, errors: LineErrors) -> None:
        """Record a line whose number of fields differs from the header."""
        errors.add(self.name, number, f"{self.width} fields, not {len(fields)}")

    def _block(
        self, lines: Sequence[bytes], numbers: Sequence[int], errors: LineErrors | None
    ) -> Block:
        ids = self._ids(lines)
        is_sorted = ids == sorted(ids)
        # An invalid id inside a sorted block is never looked up. At an end it would distort the
        # range of ids, by which readers decide whether to go on to the next block.
        if is_sorted and self._match_id(ids[0]) and self._match_id(ids[-1]):
            return Block(ids, lines, numbers, is_sorted)
        are_ids = [self._match_id(found) is not None for found in ids]
        if errors is not None:
            for number, is_id in zip(numbers, are_ids, strict=True):
                if not is_id:
                    errors.add(self.name, number, f"an id such as {self._id_prefix}0000116")
        ids, lines = list(compress(ids, are_ids)), list(compress(lines, are_ids))
        return Block(ids, lines, list(compress(numbers, are_ids)), ids == sorted(ids))

    def _ids(self, lines: Sequence[bytes]) -> list[bytes]:
        index = self._id_index
        if index == 0:
            return [line.partition(b"\t")[0] for line in lines]
        all_fields = (line.split(b"\t", index + 1) for line in lines)
        return [fields[index] if len(fields) > index else b"" for fields in all_fields]

    def _lines(self, raw: BinaryIO) -> Iterator[tuple[list[bytes], int]]:
        """Yield lists of lines, and the number of the first line of each; line 1 is the header."""
        number, rest = 1, b""
        file = gzip.GzipFile(fileobj=raw) if self._path.suffix == ".gz" else raw
        while chunk := self._read(file, number):
            lines = (rest + chunk.replace(b"\0", b"")).split(b"\n")  # PostgreSQL stores no NUL.
            rest = lines.pop()
            if len(rest) > LINE_MAX_BYTES:
                raise InvalidInput(
                    f"{self.name}, line {number + len(lines):,}: longer than "
                    f"{LINE_MAX_BYTES:,} bytes; this is not a data set of IMDb."
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
                f"{self.name} is damaged or truncated after line {number:,}: download it again."
            ) from None

    @contextmanager
    def _opened(self) -> Iterator[BinaryIO]:
        try:
            with self._path.open("rb") as raw:
                yield raw
        except OSError:
            raise InvalidInput(
                f"{self.name} cannot be read: check that it exists and its permissions."
            ) from None
