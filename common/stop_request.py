"""What tells the ingesting to come to an end."""

import threading
import time

GIVE_UP_SECONDS = 6.0
"""How long the transaction in hand gets to end; Cloud Run kills after 10, we promise 8."""

END_SECONDS = 7.5
"""After that nobody waits for it any more."""


class Brake:
    """Is pulled once, from any thread."""

    def __init__(self) -> None:
        self._is_pulled = threading.Event()
        self._pulled_at = 0.0

    def pull(self) -> None:
        """Begin no further transaction."""
        if not self._is_pulled.is_set():
            self._pulled_at = time.monotonic()
            self._is_pulled.set()

    def is_pulled(self) -> bool:
        """Tell whether no further transaction may be begun."""
        return self._is_pulled.is_set()

    def is_overdue(self) -> bool:
        """Tell whether even the transaction in hand has to be given up."""
        return self.is_pulled() and time.monotonic() - self._pulled_at > GIVE_UP_SECONDS

    def seconds_left(self) -> float:
        """Return how long whoever waits for the end may still do so."""
        return max(0, self._pulled_at + END_SECONDS - time.monotonic())

    def wait(self, seconds: float) -> None:
        """Wait until it is pulled, for so long at most."""
        self._is_pulled.wait(seconds)
