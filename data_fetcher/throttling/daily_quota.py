"""How much of the day's requests each purpose may take."""

import datetime as dt
from dataclasses import dataclass

from data_fetcher.omdb.admission import Purpose
from data_layer.entities.upstream_state import Upstream

LOT_MAX = 100
LOT_PART = 20
"""Where nobody waits, a part of what is left is taken at once, at most so many requests; what is
not used is given back. Whoever is killed takes them along."""

LOT_LOW = 50
"""With so many left the next ones are taken, so that nobody waits for the database."""


@dataclass(frozen=True, slots=True)
class Quota:
    """What OMDb gives in a day of UTC.

    Args:
        daily_limit: in requests; `None` for as many as one likes.
        reserve: how many of them are left to those who wait for a film.
    """

    daily_limit: int | None = None
    reserve: int = 0

    def grant(self, upstream: Upstream, purpose: Purpose, day: dt.date) -> int:
        """Return how many requests may be taken now: none, one, or a lot."""
        is_direct = purpose is Purpose.DIRECT
        if self.daily_limit is None:
            return 1 if is_direct else LOT_MAX
        left = max(0, self.daily_limit - self._floor(purpose) - upstream.spent_on(day))
        return min(left, 1 if is_direct else max(1, min(left // LOT_PART, LOT_MAX)))

    def left(self, upstream: Upstream, day: dt.date) -> int | None:
        """Return how many requests of the day are left; `None` for as many as one likes."""
        if self.daily_limit is None:
            return None
        return max(0, self.daily_limit - upstream.spent_on(day))

    def _floor(self, purpose: Purpose) -> int:
        """Return how many requests this purpose leaves to the others."""
        limit = self.daily_limit or 0
        if purpose is Purpose.DIRECT:
            return 0
        reserve = min(self.reserve, limit)
        return max(reserve, limit // 2) if purpose is Purpose.REFRESH else reserve


def seconds_to_midnight(now: dt.datetime) -> int:
    """Return how long the day of UTC lasts still, at least a second."""
    midnight = dt.datetime.combine(now.date() + dt.timedelta(days=1), dt.time(), dt.UTC)
    return max(1, int((midnight - now).total_seconds()))
