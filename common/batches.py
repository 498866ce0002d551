"""A list in parts."""

from collections.abc import Iterator, Sequence
from typing import TypeVar

T = TypeVar("T")


def chunks(values: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    """Yield the values in their order, so many at a time."""
    for start in range(0, len(values), size):
        yield values[start : start + size]
