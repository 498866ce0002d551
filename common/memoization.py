"""Memoization with a bound of its memory, for values that clients send."""

import functools
from collections.abc import Callable
from typing import TypeVar

ENTRIES_MAX = 5_000
LENGTH_MAX = 256
"""Longest argument that is memoized: the entries together stay below a few megabytes."""

Text = TypeVar("Text", bytes, str)
Result = TypeVar("Result")


def memoized_if_short(function: Callable[[Text], Result]) -> Callable[[Text], Result]:
    """Return the function, memoized for the most recent short arguments."""
    memoized = functools.lru_cache(ENTRIES_MAX)(function)

    @functools.wraps(function)
    def call(text: Text) -> Result:
        return memoized(text) if len(text) <= LENGTH_MAX else function(text)

    return call
