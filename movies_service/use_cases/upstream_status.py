"""How OMDb is, for those who operate the service."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from common.clock import Clock, utc_now
from data_fetcher.fetch_queue.queue import Fetches
from data_fetcher.throttling.admission_controller import UpstreamCare
from data_layer.entities.fetch import FetchState

BreakerState = Literal["closed", "open", "half-open"]


@dataclass(frozen=True, slots=True, kw_only=True)
class UpstreamView:
    """The state of OMDb and of the wishes, at one moment."""

    day: dt.date
    daily_limit: int | None
    spent: int
    left: int | None
    reserve: int
    breaker: BreakerState
    failures: int
    closed_until: dt.datetime | None
    reason: str | None
    fetches: Mapping[FetchState, int]


@dataclass(frozen=True, slots=True)
class UpstreamState:
    """Looks how OMDb is.

    Args:
        care: knows the quota and the breaker.
        fetches: the wishes.
        clock: in UTC.
    """

    care: UpstreamCare
    fetches: Fetches
    clock: Clock = utc_now

    def look(self) -> UpstreamView:
        """Return how it is now, for all processes together."""
        known, now = self.care.look(), self.clock()
        today = known.day_at(now)
        breaker: BreakerState = "closed"
        if known.closed_until is not None:
            breaker = "open" if known.is_closed_at(now) else "half-open"
        quota = self.care.quota
        return UpstreamView(
            day=today,
            daily_limit=quota.daily_limit,
            spent=known.spent_on(today),
            left=quota.left(known, today),
            reserve=quota.reserve,
            breaker=breaker,
            failures=known.failures,
            closed_until=known.closed_until,
            reason=known.error_message,
            fetches=self.fetches.counts(),
        )
