"""Log throttle: a repeated event is logged once a minute, with the number of its repetitions."""

import threading
import time
from collections.abc import Callable

LOG_SECONDS = 60.0
"""Time during which a repeated event is only counted."""


class LogThrottle:
    """Decision about each occurrence of an event, whether it is logged. Thread-safe.

    Args:
        clock: Monotonic time in seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._logged_at: dict[str, float] = {}
        self._repeated: dict[str, int] = {}

    def count(self, event: str) -> int | None:
        """Count an occurrence.

        Returns:
            The number of occurrences that were only counted since the last logged one, if this one
            is to be logged; else None.
        """
        with self._lock:
            now = self._clock()
            if now - self._logged_at.get(event, float("-inf")) < LOG_SECONDS:
                self._repeated[event] = self._repeated.get(event, 0) + 1
                return None
            self._logged_at[event] = now
            return self._repeated.pop(event, 0)
