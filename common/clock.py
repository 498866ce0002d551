"""Current time in UTC."""

import datetime as dt
from collections.abc import Callable

Clock = Callable[[], dt.datetime]
"""Returns the current time as an aware datetime in UTC."""


def utc_now() -> dt.datetime:
    """Return the current time as an aware datetime in UTC."""
    return dt.datetime.now(dt.UTC)
