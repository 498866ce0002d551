"""Cursor over the lines of a file that belong to given titles, in one pass."""

from bisect import bisect_right
from collections.abc import Collection, Iterator

from data_fetcher.imdb.line_errors import LineErrors
from data_fetcher.imdb.sort_order import Order
from data_fetcher.imdb.tsv_file import Block, TsvFile

Row = tuple[int, tuple[bytes, ...]]
"""Line number, and the fields of `DataSet.read`; the first one is the title's id."""


class TitleRowCursor:
    """Cursor that returns the lines of consecutive groups of titles, in the order of the file.

    Args:
        blocks: Of the file, sorted by `order`.
        errors: Receives lines of these titles with a wrong number of fields.
    """

    def __init__(
        self, file: TsvFile, blocks: Iterator[Block], order: Order, errors: LineErrors
    ) -> None:
        self.name = file.name
        self._file, self._blocks, self._order, self._errors = file, blocks, order, errors
        self._block: Block | None = next(blocks, None)
        self._start = 0

    def read(self, titles: Collection[bytes], last: bytes) -> Iterator[Row]:
        """Yield the lines of these titles, all of them after the `last` of the previous call.

        Lines after the id `last` are left for the next call.
        """
        end, width, pick = self._order(last), self._file.width, self._file.pick
        while block := self._block:
            stop = bisect_right(block.ids, end, self._start, key=self._order)
            for index in range(self._start, stop):
                if block.ids[index] in titles:
                    fields = block.lines[index].split(b"\t")
                    if len(fields) == width:
                        yield block.numbers[index], pick(fields)
                    else:
                        self._file.add_width_error(fields, block.numbers[index], self._errors)
            self._start = stop
            if stop < len(block.ids):
                return
            self._block, self._start = next(self._blocks, None), 0
