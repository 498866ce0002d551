"""Which processors the measured server runs on, and which the load comes from."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

Processors = frozenset[int] | None
"""Numbers of processors, or `None` for all, where the system can't or should not choose."""


def split_processors() -> tuple[Processors, Processors]:
    """Return one processor for the server and one for the load; `None` where there is but one."""
    available = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
    if len(available) < 2:  # noqa: PLR2004 - One for each.
        return None, None
    return frozenset({available[0]}), frozenset({available[1]})


@contextmanager
def pinned_to(processors: Processors) -> Iterator[None]:
    """Run on these processors, and start processes on them, until the context ends."""
    if processors is None:
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, processors)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)
