"""What all processes together know of the source: its quota, and whether it serves."""

import datetime as dt
from dataclasses import dataclass

SOURCE = "omdb"

_CLOSED_MAX = dt.timedelta(days=1, seconds=1)
"""A later end was written by a clock that was wrong."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Upstream:
    """The state of the source. Times are in UTC.

    Args:
        day: to which `spent` belongs.
        spent: how many requests processes have taken out of the day's quota.
        failures: how often in a row it did not serve.
        closed_until: before that nobody asks; `None` while it serves.
        error_code: why nobody asks, as in `common.errors`.
    """

    id: str = SOURCE
    day: dt.date
    spent: int = 0
    failures: int = 0
    closed_until: dt.datetime | None = None
    error_code: str | None = None
    error_message: str | None = None

    def is_closed_at(self, now: dt.datetime) -> bool:
        """Tell whether nobody asks at `now`, in UTC."""
        return self.closed_until is not None and now < self.closed_until <= now + _CLOSED_MAX

    def day_at(self, now: dt.datetime) -> dt.date:
        """Return the day to which requests count at `now`; days never go back with a clock."""
        return max(now.date(), self.day)

    def spent_on(self, day: dt.date) -> int:
        """Return how much of that day's quota is taken."""
        return self.spent if self.day == day else 0
