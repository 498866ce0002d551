"""Synthetic ids with the format and order of IMDb's ids."""

import heapq
from collections.abc import Iterator

AMOUNT_MAX = 20_000_000
_SHORT_END, _LONG_END = 10_000_000, 40_000_000
_LONG_SHARE = 0.3


class IdSequence:
    """Sequence of ids distributed as IMDb's: older ids have seven digits, newer ones eight.

    Args:
        prefix: `tt` for titles, `nm` for people.
        amount: Number of ids, 1 to 20,000,000.
    """

    def __init__(self, prefix: str, amount: int) -> None:
        self.amount = amount
        self._prefix = prefix
        self._long = max(int(amount * _LONG_SHARE), amount - _SHORT_END + 1)
        self._short = amount - self._long
        self._short_step = (_SHORT_END - 1) // max(self._short, 1)
        self._long_step = (_LONG_END - _SHORT_END) // max(self._long, 1)

    def of(self, index: int) -> str:
        """Return the id at an index from 0; the id's number increases with the index."""
        if index < self._short:
            return f"{self._prefix}{1 + index * self._short_step:07}"
        return f"{self._prefix}{_SHORT_END + (index - self._short) * self._long_step}"

    def in_file_order(self) -> Iterator[tuple[str, int]]:
        """Yield all ids with their indexes in the order of IMDb's files.

        IMDb sorts ids as text, so that tt10000000 comes before tt1000001.
        """
        short = ((self.of(index), index) for index in range(self._short))
        long = ((self.of(index), index) for index in range(self._short, self.amount))
        return heapq.merge(short, long)
