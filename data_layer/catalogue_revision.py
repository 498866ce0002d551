"""Revision of the catalogue, as known to this process.

Every change of movies increments the revision in its own transaction. A process registers its own
commits at once, and polls for those of other processes several times a second.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from common.errors import MoviesError

POLL_SECONDS = 0.25
"""Time between two polls."""

FRESH_SECONDS = 1.0
"""Time after the start of a poll for which its result counts as current."""

POLL_MAX_SECONDS = 1.0
"""Duration after which a running poll means that the database is unavailable."""


class CatalogueRevision:
    """The latest known revision. Thread-safe."""

    def __init__(
        self, read: Callable[[], int], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._read = read
        self._clock = clock
        self._lock = threading.Lock()
        self._polled_at = clock()
        self._has_failed = False
        self.number = -1
        """The newest revision known to this process; -1 before the first poll."""
        self.fresh_until = float("-inf")
        """Time, by the clock, until which `number` is at most one second out of date."""

    def is_unavailable(self) -> bool:
        """Return whether the last poll failed, or the current one is overdue."""
        is_overdue = self._clock() - self._polled_at > POLL_SECONDS + POLL_MAX_SECONDS
        return self._has_failed or is_overdue

    def advance(self, number: int) -> None:
        """Register a revision that this process has committed; older ones are ignored."""
        with self._lock:
            self.number = max(self.number, number)

    def poll(self) -> None:
        """Read the revision from the database. An error is recorded for `is_unavailable`."""
        started, before = self._clock(), self.number
        try:
            number = self._read()
        except MoviesError:
            self._has_failed = True
        else:
            with self._lock:
                # A smaller number is accepted, unless this process committed during the poll:
                # the operator may have restored a backup.
                self.number = number if self.number == before else max(self.number, number)
            self._has_failed = False
            self.fresh_until = started + FRESH_SECONDS
        self._polled_at = self._clock()

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Poll periodically in a daemon thread while the context lasts."""
        is_over = threading.Event()

        def poll_periodically() -> None:
            while not is_over.is_set():
                self.poll()
                is_over.wait(POLL_SECONDS)

        thread = threading.Thread(target=poll_periodically, name="revision", daemon=True)
        thread.start()
        try:
            yield
        finally:
            is_over.set()
            thread.join(timeout=FRESH_SECONDS)
