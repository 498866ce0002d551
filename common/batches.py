"""Splitting of sequences into batches."""

from collections.abc import Iterator, Sequence
from typing import TypeVar

T = TypeVar("T")


def batched(values: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    """Yield consecutive slices of at most `size` values, in order; the last may be shorter."""
    for start in range(0, len(values), size):
        yield values[start : start + size]
