"""Circuit breaker for OMDb: the conditions that open it, and the duration of each pause."""

import dataclasses
import datetime as dt
from typing import NamedTuple

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


class _Policy(NamedTuple):
    """Failures that open the circuit, and its pauses in seconds; each failed probe doubles them."""

    failures: int
    first_seconds: int
    max_seconds: int


_OUTAGE = _Policy(FAILURES_MAX, 10, 300)
_POLICIES = {
    UpstreamUnauthorized.code: _Policy(1, 60, 3_600),
    # The hour at which OMDb resets its count is undocumented, so that it is probed once an hour.
    UpstreamQuotaExceeded.code: _Policy(1, 3_600, 3_600),
}


def after_failure(
    upstream: UpstreamState, probe_until: dt.datetime | None, error: MoviesError, now: dt.datetime
) -> UpstreamState:
    """Return the state after an attempt that failed with an error that affects all requests.

    The circuit opens at most once for the attempts of one state: those that were admitted before
    it opened, and a probe that another one has followed, change nothing.

    Args:
        upstream: State before.
        probe_until: `Admission.probe_until` of the attempt.
        error: An error for which `is_request_specific` is false.
        now: Time of the failure in UTC.
    """
    if upstream.circuit_open_until != probe_until:
        return upstream
    policy = _policy_of(error.code)
    failures = upstream.failures + 1
    if probe_until is None:
        if failures < policy.failures:
            return dataclasses.replace(upstream, failures=failures)
        failures = policy.failures
    elif _policy_of(upstream.error_code) is not policy:
        failures = policy.failures
    pause = dt.timedelta(seconds=_pause_seconds(policy, failures))
    return dataclasses.replace(
        upstream,
        failures=failures,
        circuit_open_until=now + pause,
        error_code=error.code,
        error_message=error.message,
    )


def after_success(upstream: UpstreamState, probe_until: dt.datetime | None) -> UpstreamState:
    """Return the state after a successful attempt: a probe closes the circuit, however late.

    An attempt that was admitted before the circuit opened changes nothing.

    Args:
        upstream: State before.
        probe_until: `Admission.probe_until` of the attempt.
    """
    is_outdated = probe_until is None and upstream.circuit_open_until is not None
    return upstream if is_outdated else closed(upstream)


def closed(upstream: UpstreamState) -> UpstreamState:
    """Return the state with the circuit closed."""
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


def _policy_of(code: str | None) -> _Policy:
    return _POLICIES.get(code or "", _OUTAGE)


def _pause_seconds(policy: _Policy, failures: int) -> int:
    """Return the pause after this number of failures; each failed probe doubles it."""
    return min(policy.first_seconds << min(failures - policy.failures, 20), policy.max_seconds)
