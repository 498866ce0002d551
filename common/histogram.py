"""A histogram that costs a fraction of a microsecond to add to."""

from bisect import bisect_left
from collections.abc import Sequence
from typing import Self


class Histogram:
    """Counts values by upper bounds. For one thread, such as an event loop's.

    Args:
        bounds: upper bounds of the buckets, inclusive, rising; above the last one is one more.
    """

    def __init__(self, bounds: Sequence[float]) -> None:
        self._bounds = tuple(bounds)
        self._counts = [0] * (len(self._bounds) + 1)
        self.sum = 0.0

    def observe(self, value: float) -> None:
        """Count a value."""
        self._counts[bisect_left(self._bounds, value)] += 1
        self.sum += value

    def add(self, other: Self) -> None:
        """Count what another one of the same bounds has counted."""
        self._counts = [mine + more for mine, more in zip(self._counts, other._counts, strict=True)]
        self.sum += other.sum

    def cumulative(self) -> list[tuple[str, float]]:
        """Return for each bound, the last one being "+Inf", how many values were not above it."""
        total = 0
        buckets = []
        for bound, count in zip([*map(str, self._bounds), "+Inf"], self._counts, strict=True):
            total += count
            buckets.append((bound, float(total)))
        return buckets
