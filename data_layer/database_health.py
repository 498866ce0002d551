"""Faults of a database, as this process sees them."""

import time
from collections.abc import Callable

import structlog

from common.errors import DatabaseDamaged, DatabaseLimitExceeded, DatabaseUnavailable
from common.log_throttle import LogThrottle

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
        self._throttle = LogThrottle(clock)
        self._damage: DatabaseDamaged | None = None

    def record(self, error: BaseException | None) -> None:
        """Record an error that ended a transaction; ignore one that is no fault of the database."""
        if not isinstance(error, (DatabaseUnavailable, DatabaseLimitExceeded)):
            return
        if isinstance(error, DatabaseDamaged):
            self._damage = error
        reason = error.message
        if (repeated := self._throttle.count(reason)) is None:
            return
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
