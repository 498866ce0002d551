"""Faults of a database, as this process sees them."""

import threading
import time
from collections.abc import Callable

import structlog

from common.errors import DatabaseDamaged, DatabaseLimitExceeded, DatabaseUnavailable

LOG_SECONDS = 60.0
"""Time during which a repeated fault is only counted."""

_CAUSE_MAX_CHARACTERS = 300

_log = structlog.get_logger(__name__)


class DatabaseHealth:
    """Log of the faults of one database, and memory of damage. Thread-safe.

    A fault is logged with its cause when it occurs, then at most once a minute with the number of
    its repetitions. Damage concerns single pages, so that other statements still succeed; it is
    remembered until the process ends.

    Args:
        clock: Monotonic time in seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._logged_at: dict[str, float] = {}
        self._repeated: dict[str, int] = {}
        self._damage: DatabaseDamaged | None = None

    def record(self, error: BaseException | None) -> None:
        """Record an error that ended a transaction; ignore one that is no fault of the database."""
        if not isinstance(error, (DatabaseUnavailable, DatabaseLimitExceeded)):
            return
        reason = error.message
        with self._lock:
            if isinstance(error, DatabaseDamaged):
                self._damage = error
            now = self._clock()
            if now - self._logged_at.get(reason, float("-inf")) < LOG_SECONDS:
                self._repeated[reason] = self._repeated.get(reason, 0) + 1
                return
            self._logged_at[reason] = now
            repeated = self._repeated.pop(reason, 0)
        _log.error(
            "database_fault",
            code=error.code,
            reason=reason,
            cause=_describe_cause(error.__cause__),
            repeated=repeated,
        )

    def require_undamaged(self) -> None:
        """Raise the damage that was recorded last.

        Raises:
            DatabaseDamaged: A statement has met corrupt data.
        """
        if self._damage is not None:
            raise DatabaseDamaged(self._damage.message)


def _describe_cause(error: BaseException | None) -> str:
    """Return the first line of a driver's message, without statement and parameters."""
    original = getattr(error, "orig", error)
    return str(original or "").partition("\n")[0][:_CAUSE_MAX_CHARACTERS]
