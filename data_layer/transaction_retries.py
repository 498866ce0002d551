"""Retry of transactions after a conflict with a concurrent one."""

import stamina

from common.errors import DatabaseBusy

ATTEMPTS_MAX = 4
TIMEOUT_SECONDS = 2.0
"""Time limit of all attempts together: a slower transaction is not retried."""

retried_when_busy = stamina.retry(
    on=DatabaseBusy,
    attempts=ATTEMPTS_MAX,
    timeout=TIMEOUT_SECONDS,
    wait_initial=0.02,
    wait_max=0.2,
    wait_jitter=0.05,
)
"""Decorator for functions that open a unit of work, change it and commit, all in one call.

A deadlock or serialization failure rolls the transaction back, so that the call can be repeated.
"""
