"""What files beside title.basics say of its titles: their lines, found in one pass."""

from bisect import bisect_right
from collections.abc import Collection, Iterator

from data_fetcher.imdb.line_errors import LineFaults
from data_fetcher.imdb.sort_order import Order
from data_fetcher.imdb.tsv_file import Block, DataFile

Row = tuple[int, tuple[bytes, ...]]
"""The number of a line, and those of its fields that are read; the first one is the title's id."""


class TitleRows:
    """The lines of a file for some titles after others, in the order of the file.

    Args:
        file: whose lines they are.
        blocks: of that file; the ids rise in `order`, or stay.
        order: of the titles that are asked for.
        faults: are told of lines of these titles that can't be read.
    """

    def __init__(
        self, file: DataFile, blocks: Iterator[Block], order: Order, faults: LineFaults
    ) -> None:
        self.name = file.name
        self._file, self._blocks, self._order, self._faults = file, blocks, order, faults
        self._block: Block | None = next(blocks, None)
        self._start = 0

    def of(self, titles: Collection[bytes], last: bytes) -> Iterator[Row]:
        """Yield the lines of these titles.

        Args:
            titles: their ids, all of them behind the `last` of the call before.
            last: what is behind this id is left for the next call.
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
                        self._file.tell_width(fields, block.numbers[index], self._faults)
            self._start = stop
            if stop < len(block.ids):
                return
            self._block, self._start = next(self._blocks, None), 0
