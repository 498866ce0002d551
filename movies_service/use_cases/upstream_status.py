"""Status of OMDb: quota, circuit breaker and fetch jobs, for operators."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from common.clock import Clock, utc_now
from data_fetcher.fetch_queue.queue import FetchQueue
from data_fetcher.throttling.admission_controller import UpstreamAdmission
from data_layer.entities.fetch import FetchState

BreakerState = Literal["closed", "open", "half-open"]


@dataclass(frozen=True, slots=True, kw_only=True)
class UpstreamStatus:
    """Quota of the current UTC day, circuit breaker, and number of fetch jobs by state."""

    day: dt.date
    daily_limit: int | None
    quota_used: int
    quota_remaining: int | None
    interactive_reserve: int
    circuit_state: BreakerState
    failures: int
    circuit_open_until: dt.datetime | None
    last_error: str | None
    fetches: Mapping[FetchState, int]


@dataclass(frozen=True, slots=True)
class GetUpstreamStatus:
    """Use case that reads the status of OMDb."""

    admission: UpstreamAdmission
    fetches: FetchQueue
    clock: Clock = utc_now

    def run(self) -> UpstreamStatus:
        """Return the current status, shared by all processes."""
        self.admission.refresh_state()
        state, now = self.admission.state, self.clock()
        today = state.quota_day_at(now)
        circuit_state: BreakerState = "closed"
        if state.circuit_open_until is not None:
            circuit_state = "open" if state.is_circuit_open_at(now) else "half-open"
        quota = self.admission.quota
        return UpstreamStatus(
            day=today,
            daily_limit=quota.daily_limit,
            quota_used=state.quota_used_on(today),
            quota_remaining=quota.remaining(state, today),
            interactive_reserve=quota.interactive_reserve,
            circuit_state=circuit_state,
            failures=state.failures,
            circuit_open_until=state.circuit_open_until,
            last_error=state.error_message,
            fetches=self.fetches.counts(),
        )
