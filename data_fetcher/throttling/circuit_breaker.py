"""When OMDb is left alone, and for how long: a circuit breaker."""

import dataclasses
import datetime as dt

from common.errors import (
    MoviesError,
    UpstreamQuota,
    UpstreamRefused,
    UpstreamTimeout,
    UpstreamUnavailable,
)
from data_layer.entities.upstream_state import Upstream

FAILURES_MAX = 10
"""Attempts in a row that may fail before OMDb is left alone."""

PROBE_SECONDS = 10
"""How long one process may try whether OMDb serves again, before another one does."""

_TROUBLE_SECONDS = (10, 300)
"""The first and the longest pause after trouble; doubled each time."""
_REFUSED_SECONDS = (60, 3_600)
_QUOTA_SECONDS = 3_600
"""The hour at which a new day's requests begin is not documented."""


def after_failure(upstream: Upstream, error: MoviesError, now: dt.datetime) -> Upstream:
    """Return the state after an attempt that failed with what says something about OMDb."""
    pause = _pause(upstream, error)
    failures = upstream.failures + 1
    if pause == 0:
        return dataclasses.replace(upstream, failures=failures)
    return dataclasses.replace(
        upstream,
        failures=failures,
        closed_until=now + dt.timedelta(seconds=pause),
        error_code=error.code,
        error_message=error.message,
    )


def after_success(upstream: Upstream) -> Upstream:
    """Return the state after OMDb has served."""
    return dataclasses.replace(
        upstream, failures=0, closed_until=None, error_code=None, error_message=None
    )


def says_nothing(error: MoviesError) -> bool:
    """Tell whether the error is of one film only: others may still be served."""
    return type(error) not in {UpstreamUnavailable, UpstreamTimeout, UpstreamRefused, UpstreamQuota}


def _pause(upstream: Upstream, error: MoviesError) -> int:
    """Return for how many seconds OMDb is left alone; 0 for not yet."""
    if isinstance(error, UpstreamQuota):
        return error.retry_after_seconds or _QUOTA_SECONDS
    if isinstance(error, UpstreamRefused):
        return _doubled(_REFUSED_SECONDS, upstream.failures)
    over = upstream.failures + 1 - FAILURES_MAX
    return _doubled(_TROUBLE_SECONDS, over) if over >= 0 else 0


def _doubled(bounds: tuple[int, int], times: int) -> int:
    first, longest = bounds
    return min(first << min(times, 20), longest)
