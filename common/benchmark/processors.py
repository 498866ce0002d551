"""Assignment of processors to the measured server and to the load generator."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

Processors = frozenset[int] | None
"""Processor numbers, or `None` for no restriction."""


def split_processors() -> tuple[Processors, Processors]:
    """Return a processor for the server and one for the load; twice `None` if there is only one."""
    available = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
    if len(available) < 2:  # noqa: PLR2004 - One for each of the two.
        return None, None
    return frozenset({available[0]}), frozenset({available[1]})


@contextmanager
def pinned_to(processors: Processors) -> Iterator[None]:
    """Restrict this process and children started in the context to these processors."""
    if processors is None:
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, processors)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)
