"""Histogram with an update cost below a microsecond."""

from bisect import bisect_left
from collections.abc import Sequence
from typing import Self


class Histogram:
    """Counter of values by bucket. Not thread-safe.

    Args:
        bounds: Inclusive upper bounds of the buckets, ascending. A last bucket without an upper
            bound is added.
    """

    def __init__(self, bounds: Sequence[float]) -> None:
        self._bounds = tuple(bounds)
        self._counts = [0] * (len(self._bounds) + 1)
        self.sum = 0.0

    def observe(self, value: float) -> None:
        """Add one value."""
        self._counts[bisect_left(self._bounds, value)] += 1
        self.sum += value

    def add(self, other: Self) -> None:
        """Add the counts and the sum of a histogram with the same bounds."""
        self._counts = [mine + more for mine, more in zip(self._counts, other._counts, strict=True)]
        self.sum += other.sum

    def cumulative(self) -> list[tuple[str, float]]:
        """Return pairs of a bound and the number of values up to it; the last bound is "+Inf"."""
        total = 0
        buckets = []
        for bound, count in zip([*map(str, self._bounds), "+Inf"], self._counts, strict=True):
            total += count
            buckets.append((bound, float(total)))
        return buckets
