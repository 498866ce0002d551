"""The revision of the catalogue, as far as this process knows it.

Every change of films counts the revision up, in the transaction of the change. A process knows
its own changes at once; for those of others it looks several times a second.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from common.errors import MoviesError

LOOK_SECONDS = 0.25
"""How often a process looks."""

FRESH_SECONDS = 1.0
"""How long what a look has found may be relied on."""

LOOK_MAX_SECONDS = 1.0
"""A look that takes longer means that the database is away."""


class CatalogueRevision:
    """What is known about the revision.

    Args:
        read: reads the revision from the database.
        clock: in seconds, from any start.
    """

    def __init__(
        self, read: Callable[[], int], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._read = read
        self._clock = clock
        self._lock = threading.Lock()
        self._looked_at = clock()
        self._has_failed = False
        self.number = -1
        """The newest revision that this process has heard of; -1 before it has heard of any."""
        self.fresh_until = float("-inf")
        """Until when nobody else can have made a newer one more than a second ago."""

    def is_away(self) -> bool:
        """Tell whether the database does not say any more which revision it has."""
        overdue = self._clock() - self._looked_at > LOOK_SECONDS + LOOK_MAX_SECONDS
        return self._has_failed or overdue

    def advance(self, number: int) -> None:
        """Take in that this process has committed this revision."""
        with self._lock:
            self.number = max(self.number, number)

    def look(self) -> None:
        """Ask the database; a failure is kept for `is_away`, and for the next look to mend."""
        started, before = self._clock(), self.number
        try:
            number = self._read()
        except MoviesError:
            self._has_failed = True
        else:
            with self._lock:
                # A number can get smaller where somebody has restored a backup.
                self.number = number if self.number == before else max(self.number, number)
            self._has_failed = False
            self.fresh_until = started + FRESH_SECONDS
        self._looked_at = self._clock()

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Look again and again, in a thread, for as long as the context lasts."""
        is_over = threading.Event()

        def look_again_and_again() -> None:
            while not is_over.is_set():
                self.look()
                is_over.wait(LOOK_SECONDS)

        thread = threading.Thread(target=look_again_and_again, name="revision", daemon=True)
        thread.start()
        try:
            yield
        finally:
            is_over.set()
            thread.join(timeout=FRESH_SECONDS)
