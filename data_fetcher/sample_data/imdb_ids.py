"""Ids as IMDb's, in the order of its files."""

import heapq
from collections.abc import Iterator

AMOUNT_MAX = 20_000_000
_SHORT_END, _LONG_END = 10_000_000, 40_000_000
_LONG_SHARE = 0.3


class MadeIds:
    """So many ids that are spread as IMDb's: some have seven digits, and the newer ones eight.

    Args:
        prefix: `tt` of titles, `nm` of people.
        amount: 1 to 20,000,000.
    """

    def __init__(self, prefix: str, amount: int) -> None:
        self.amount = amount
        self._prefix = prefix
        self._long = max(int(amount * _LONG_SHARE), amount - _SHORT_END + 1)
        self._short = amount - self._long
        self._short_step = (_SHORT_END - 1) // max(self._short, 1)
        self._long_step = (_LONG_END - _SHORT_END) // max(self._long, 1)

    def of(self, index: int) -> str:
        """Return the id of an index from 0; with the index the number rises."""
        if index < self._short:
            return f"{self._prefix}{1 + index * self._short_step:07}"
        return f"{self._prefix}{_SHORT_END + (index - self._short) * self._long_step}"

    def in_file_order(self) -> Iterator[tuple[str, int]]:
        """Yield all ids with their indices as IMDb orders them: as texts, tt10000000 early."""
        short = ((self.of(index), index) for index in range(self._short))
        long = ((self.of(index), index) for index in range(self._short, self.amount))
        return heapq.merge(short, long)
