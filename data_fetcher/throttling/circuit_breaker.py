"""Circuit breaker for OMDb: the conditions that open it, and the duration of each pause."""

import dataclasses
import datetime as dt

from common.errors import (
    MoviesError,
    UpstreamQuotaExceeded,
    UpstreamTimeout,
    UpstreamUnauthorized,
    UpstreamUnavailable,
)
from data_layer.entities.upstream_state import UpstreamState

FAILURES_MAX = 10
"""Number of consecutive failures that opens the circuit."""

PROBE_SECONDS = 10
"""Time that one process has for its probe while the circuit is half-open; then others may."""

_FAILURE_SECONDS = (10, 300)
"""First and maximum pause after repeated failures; it doubles with each further failure."""
_UNAUTHORIZED_SECONDS = (60, 3_600)
"""First and maximum pause after a rejected API key; it doubles with each failure."""
_QUOTA_SECONDS = 3_600
"""Pause after OMDb reports that its limit is reached; the hour of its reset is undocumented."""


def after_failure(upstream: UpstreamState, error: MoviesError, now: dt.datetime) -> UpstreamState:
    """Return the state after an attempt that failed with an error that affects all requests."""
    pause = _pause(upstream, error)
    failures = upstream.failures + 1
    if pause == 0:
        return dataclasses.replace(upstream, failures=failures)
    return dataclasses.replace(
        upstream,
        failures=failures,
        circuit_open_until=now + dt.timedelta(seconds=pause),
        error_code=error.code,
        error_message=error.message,
    )


def after_success(upstream: UpstreamState) -> UpstreamState:
    """Return the state after a successful attempt, with the circuit closed."""
    return dataclasses.replace(
        upstream, failures=0, circuit_open_until=None, error_code=None, error_message=None
    )


def is_request_specific(error: MoviesError) -> bool:
    """Return whether the error concerns only the requested movie, not OMDb as a whole."""
    return type(error) not in {
        UpstreamUnavailable,
        UpstreamTimeout,
        UpstreamUnauthorized,
        UpstreamQuotaExceeded,
    }


def _pause(upstream: UpstreamState, error: MoviesError) -> int:
    """Return the seconds for which the circuit opens; 0 leaves it closed."""
    if isinstance(error, UpstreamQuotaExceeded):
        return error.retry_after_seconds or _QUOTA_SECONDS
    if isinstance(error, UpstreamUnauthorized):
        return _doubled(_UNAUTHORIZED_SECONDS, upstream.failures)
    excess = upstream.failures + 1 - FAILURES_MAX
    return _doubled(_FAILURE_SECONDS, excess) if excess >= 0 else 0


def _doubled(bounds: tuple[int, int], times: int) -> int:
    first, maximum = bounds
    return min(first << min(times, 20), maximum)
