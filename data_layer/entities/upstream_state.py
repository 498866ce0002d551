"""Shared state of OMDb: daily quota and circuit breaker."""

import datetime as dt
from dataclasses import dataclass

SOURCE = "omdb"

_OPEN_MAX = dt.timedelta(hours=1, seconds=1)
"""Longest time that the circuit stays open; a later end was written by a wrong clock."""

_DAYS_AHEAD_MAX = dt.timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class UpstreamState:
    """State of OMDb, shared by all processes. Times are in UTC.

    Args:
        quota_day: UTC day to which `quota_used` belongs.
        quota_used: Requests that processes have reserved from the quota of that day.
        failures: Number of consecutive failures.
        circuit_open_until: End of the period without requests; `None` while the circuit is closed.
        error_code: Code of the error that opened the circuit, as in `common.errors`.
    """

    id: str = SOURCE
    quota_day: dt.date
    quota_used: int = 0
    failures: int = 0
    circuit_open_until: dt.datetime | None = None
    error_code: str | None = None
    error_message: str | None = None

    def is_circuit_open_at(self, now: dt.datetime) -> bool:
        """Return whether the circuit is open at `now`, in UTC."""
        return (
            self.circuit_open_until is not None and now < self.circuit_open_until <= now + _OPEN_MAX
        )

    def quota_day_at(self, now: dt.datetime) -> dt.date:
        """Return the quota day at `now`: the stored one, if it is today or one day ahead.

        A clock that is set back by less than a day does not renew the quota. A day further ahead
        was written by a wrong clock, and would not end for long.
        """
        today = now.date()
        return self.quota_day if today <= self.quota_day <= today + _DAYS_AHEAD_MAX else today

    def quota_used_on(self, day: dt.date) -> int:
        """Return the used quota of that day; 0 for any day other than the stored one."""
        return self.quota_used if self.quota_day == day else 0
