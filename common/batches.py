"""Batches of the values of a sequence or a queue."""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import TypeVar

T = TypeVar("T")


def batched(values: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    """Yield consecutive slices of at most `size` values, in order; the last may be shorter."""
    for start in range(0, len(values), size):
        yield values[start : start + size]


async def next_batch(queue: asyncio.Queue[T], size: int, seconds: float) -> list[T]:
    """Return at least one value of the queue: as many as follow within `seconds`, up to `size`."""
    batch = [await queue.get()]
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            while len(batch) < size:
                batch.append(await queue.get())
    return batch
