"""Daily OMDb quota and its division among the purposes."""

import datetime as dt
from dataclasses import dataclass

from data_fetcher.omdb.admission import Purpose
from data_layer.entities.upstream_state import UpstreamState

QUOTA_BATCH_MAX = 100
QUOTA_BATCH_DIVISOR = 20
"""Background work reserves 1/20 of the remaining quota per database write, at most 100 requests.

Unused reservations are returned on shutdown; a killed process loses its reservation.
"""

QUOTA_BATCH_LOW = 50
"""Number of remaining requests at which the next batch is prefetched, to avoid a wait for the
database."""


@dataclass(frozen=True, slots=True)
class Quota:
    """Quota of requests per UTC day.

    Args:
        daily_limit: Number of requests; None for no limit.
        interactive_reserve: Part of the limit that only interactive requests may use.
    """

    daily_limit: int | None = None
    interactive_reserve: int = 0

    def grant(self, upstream: UpstreamState, purpose: Purpose, day: dt.date) -> int:
        """Return how many requests a process may reserve now: 0, 1, or a batch."""
        is_interactive = purpose is Purpose.INTERACTIVE
        if self.daily_limit is None:
            return 1 if is_interactive else QUOTA_BATCH_MAX
        left = max(0, self.daily_limit - self._floor(purpose) - upstream.quota_used_on(day))
        batch = max(1, min(left // QUOTA_BATCH_DIVISOR, QUOTA_BATCH_MAX))
        return min(left, 1 if is_interactive else batch)

    def remaining(self, upstream: UpstreamState, day: dt.date) -> int | None:
        """Return the remaining requests of the day, including the reserve; None for no limit."""
        if self.daily_limit is None:
            return None
        return max(0, self.daily_limit - upstream.quota_used_on(day))

    def _floor(self, purpose: Purpose) -> int:
        """Return how many requests this purpose must leave unused."""
        limit = self.daily_limit or 0
        if purpose is Purpose.INTERACTIVE:
            return 0
        reserve = min(self.interactive_reserve, limit)
        return max(reserve, limit // 2) if purpose is Purpose.REFRESH else reserve


def seconds_to_midnight(now: dt.datetime) -> int:
    """Return the seconds until the end of the UTC day, at least 1."""
    midnight = dt.datetime.combine(now.date() + dt.timedelta(days=1), dt.time(), dt.UTC)
    return max(1, int((midnight - now).total_seconds()))
