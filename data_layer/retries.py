"""Transactions that are run again where another one was in the way."""

import stamina

from common.errors import DatabaseBusy

ATTEMPTS_MAX = 4
GIVE_UP_SECONDS = 2.0
"""What had to wait for longer is not tried again: whoever asked has waited enough."""

retried_when_busy = stamina.retry(
    on=DatabaseBusy,
    attempts=ATTEMPTS_MAX,
    timeout=GIVE_UP_SECONDS,
    wait_initial=0.02,
    wait_max=0.2,
    wait_jitter=0.05,
)
"""Decorates what opens a unit of work, changes something and commits, all in one call.

After a deadlock or a serialization failure nothing is stored, and the same again succeeds.
"""
