"""Admission controller for OMDb requests: quota and circuit breaker shared by all processes."""

import asyncio
import dataclasses
import datetime as dt
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import cast

import structlog
from aiolimiter import AsyncLimiter

from common.clock import Clock, utc_now
from common.errors import (
    Conflict,
    DatabaseUnavailable,
    MoviesError,
    NotFound,
    UpstreamQuotaExceeded,
    UpstreamUnauthorized,
    restore_error,
)
from data_fetcher.omdb.admission import Admission, Purpose
from data_fetcher.throttling.circuit_breaker import (
    PROBE_SECONDS,
    after_failure,
    after_success,
    closed,
    is_request_specific,
)
from data_fetcher.throttling.daily_quota import QUOTA_BATCH_LOW, Quota, seconds_to_midnight
from data_layer.entities.upstream_state import UpstreamState
from data_layer.ports.unit_of_work import UnitOfWorkFactory
from data_layer.transaction_retries import retried_when_busy

_log = structlog.get_logger(__name__)


@dataclass(slots=True)
class _QuotaBatch:
    """Requests of one day that this process has reserved and not used yet."""

    day: dt.date
    purpose: Purpose
    remaining: int


class UpstreamAdmission:
    """Admission control of OMDb requests; see `data_fetcher.omdb.admission.AdmissionControl`.

    Quota and circuit breaker are stored in the database and apply to all processes. A process
    reads them each time it reserves requests: one for an interactive request, otherwise a batch.

    Args:
        quota: Quota per UTC day.
        rate_limiter: Limits the attempts of this process; None for no limit.
        clock: Returns the current time in UTC.
    """

    def __init__(
        self,
        unit_of_work: UnitOfWorkFactory,
        quota: Quota,
        rate_limiter: AsyncLimiter | None = None,
        clock: Clock = utc_now,
    ) -> None:
        self._unit_of_work = unit_of_work
        self.quota = quota
        self._rate_limiter = rate_limiter
        self._clock = clock
        self._state = UpstreamState(quota_day=clock().date())
        self._batches: dict[Purpose, _QuotaBatch] = {}
        self._lock = asyncio.Lock()
        self._prefetches: set[asyncio.Task[None]] = set()

    async def admit(self, purpose: Purpose) -> Admission:
        """Use one request of the daily quota, and wait until the rate limit permits it.

        Raises:
            UpstreamUnavailable: The circuit breaker is open; the error is the one that opened it.
            UpstreamQuotaExceeded: No quota remains today for this purpose.
            DatabaseUnavailable: The quota could not be read.
        """
        admission = Admission()
        if not self._consume(purpose):
            async with self._lock:
                if not self._consume(purpose):
                    admission = await self._refill(purpose)
                    self._batches[purpose].remaining -= 1
        elif self._batches[purpose].remaining == QUOTA_BATCH_LOW:
            self._prefetches.add(asyncio.create_task(self._prefetch(purpose)))
        if self._rate_limiter is not None:
            day = self._batches[purpose].day
            try:
                await self._rate_limiter.acquire()
                if admission.probe_until is None:  # The circuit may have opened meanwhile.
                    _require_closed_circuit(self._state, self._clock())
            except BaseException:  # Refused or cancelled: the request is not sent.
                self._return_request(purpose, day)
                raise
        return admission

    async def record_outcome(self, admission: Admission, error: MoviesError | None) -> None:
        """Record the outcome of an attempt; it may open or close the circuit for all processes.

        An attempt changes nothing if the circuit has opened since, or if it was a probe that
        failed after its time: its failure is known, or another probe's. That OMDb does not have a
        movie is a success here.
        """
        if error is None or isinstance(error, NotFound):
            if self._state.failures:
                await asyncio.to_thread(
                    self._change, lambda state: after_success(state, admission.probe_until)
                )
        elif not is_request_specific(error):
            now = self._clock()
            await asyncio.to_thread(
                self._change,
                lambda state: after_failure(state, admission.probe_until, error, now),
            )

    async def close(self) -> None:
        """Return today's unused reservations to the quota."""
        await asyncio.gather(*self._prefetches)
        today = self._state.quota_day_at(self._clock())
        unused = sum(batch.remaining for batch in self._batches.values() if batch.day == today)
        self._batches.clear()
        if unused:
            await asyncio.to_thread(
                self._change,
                lambda state: dataclasses.replace(
                    state, quota_used=max(0, state.quota_used - unused)
                ),
            )

    async def clear_rejected_key(self) -> None:
        """Close the circuit if a rejected API key opened it: the key may have been replaced."""
        await asyncio.to_thread(
            self._change,
            lambda state: closed(state) if state.error_code == UpstreamUnauthorized.code else state,
        )

    def seconds_until_admitted(self, purpose: Purpose) -> float:
        """Return the seconds until an attempt may be admitted; 0 for now.

        Based on the state that this process read last; does not access the database.
        """
        now = self._clock()
        state, today = self._state, self._state.quota_day_at(now)
        if state.circuit_open_until is not None and state.is_circuit_open_at(now):
            return (state.circuit_open_until - now).total_seconds()
        batch = self._batches.get(purpose)
        has_batch = batch is not None and batch.day == today and batch.remaining > 0
        if not has_batch and self.quota.grant(state, purpose, today) == 0:
            return seconds_to_midnight(now)
        return 0

    @property
    def state(self) -> UpstreamState:
        """The shared state that this process read last."""
        return self._state

    def refresh_state(self) -> None:
        """Read the shared state from the database.

        Raises:
            DatabaseUnavailable: The database can't be read.
        """
        with self._unit_of_work(is_read_only=True) as uow:
            self._state = uow.upstream_state.find() or self._state

    async def _refill(self, purpose: Purpose) -> Admission:
        """Reserve a batch, add it to what remains of the current one, and return its admission."""
        reserved, admission = await asyncio.to_thread(self._reserve_batch, purpose)
        batch = self._batches.get(purpose)
        if batch is not None and batch.day == reserved.day:
            reserved.remaining += batch.remaining
        self._batches[purpose] = reserved
        return admission

    async def _prefetch(self, purpose: Purpose) -> None:
        """Reserve a batch before the current one is used up.

        Errors are dropped: the next `admit` that needs a batch raises its own.
        """
        with suppress(MoviesError):
            async with self._lock:
                await self._refill(purpose)
        self._prefetches.discard(cast("asyncio.Task[None]", asyncio.current_task()))

    def _consume(self, purpose: Purpose) -> bool:
        """Use a reserved request, and return whether there was one.

        Raises:
            UpstreamUnavailable: The circuit breaker is open.
        """
        now, batch = self._clock(), self._batches.get(purpose)
        _require_closed_circuit(self._state, now)
        if self._state.circuit_open_until is not None:
            return False
        if batch is None or batch.remaining == 0 or batch.day != self._state.quota_day_at(now):
            return False
        batch.remaining -= 1
        return True

    def _return_request(self, purpose: Purpose, day: dt.date) -> None:
        """Return a reserved request of this day to the batch of its purpose, while there is one."""
        batch = self._batches.get(purpose)
        if batch is not None and batch.day == day:
            batch.remaining += 1

    @retried_when_busy
    def _reserve_batch(self, purpose: Purpose) -> tuple[_QuotaBatch, Admission]:
        now = self._clock()
        with self._unit_of_work() as uow:
            found = uow.upstream_state.find() or UpstreamState(quota_day=now.date())
            self._state = found
            _require_closed_circuit(found, now)
            today = found.quota_day_at(now)
            used = found.quota_used_on(today)
            granted = self.quota.grant(found, purpose, today)
            if granted == 0:
                raise _quota_error(self.quota.daily_limit or 0, used, purpose, now)
            updated, probe_until = found, None
            if found.circuit_open_until is not None:  # Half-open: one process sends one probe.
                granted = 1
                probe_until = now + dt.timedelta(seconds=PROBE_SECONDS)
                updated = dataclasses.replace(found, circuit_open_until=probe_until)
            self._state = dataclasses.replace(updated, quota_day=today, quota_used=used + granted)
            uow.upstream_state.put(self._state)
            uow.commit()
        return _QuotaBatch(today, purpose, granted), Admission(probe_until)

    def _change(self, change: Callable[[UpstreamState], UpstreamState]) -> None:
        """Change the shared state; if the database is unavailable, only that of this process."""
        try:
            before, after = self._store(change)
        except (DatabaseUnavailable, Conflict):
            before, after = self._state, change(self._state)
        self._state = after
        if (
            after.circuit_open_until is not None
            and after.circuit_open_until != before.circuit_open_until
        ):
            _log.warning(
                "omdb_circuit_opened",
                reason=after.error_message,
                until=after.circuit_open_until.isoformat(timespec="seconds"),
            )
        elif after.circuit_open_until is None and before.circuit_open_until is not None:
            _log.info("omdb_circuit_closed")

    @retried_when_busy
    def _store(
        self, change: Callable[[UpstreamState], UpstreamState]
    ) -> tuple[UpstreamState, UpstreamState]:
        with self._unit_of_work() as uow:
            before = uow.upstream_state.find() or UpstreamState(quota_day=self._clock().date())
            if (after := change(before)) != before:
                uow.upstream_state.put(after)
                uow.commit()
        return before, after


def _quota_error(limit: int, used: int, purpose: Purpose, now: dt.datetime) -> MoviesError:
    """Return the error for a purpose that may use no more of today's quota."""
    reserved = ""
    if used < limit:
        others = "requested movies" if purpose is Purpose.REFRESH else "interactive requests"
        reserved = f" the rest is reserved for {others};"
    return UpstreamQuotaExceeded(
        f"Daily OMDb quota used up ({used:,} of {limit:,} requests);{reserved} the count"
        " restarts at 00:00 UTC.",
        retry_after_seconds=seconds_to_midnight(now),
        is_refusal=True,
    )


def _require_closed_circuit(upstream: UpstreamState, now: dt.datetime) -> None:
    if upstream.is_circuit_open_at(now):
        raise _circuit_error(upstream, now)


def _circuit_error(upstream: UpstreamState, now: dt.datetime) -> MoviesError:
    """Return the error that opened the circuit, with the remaining seconds as Retry-After."""
    until = upstream.circuit_open_until or now
    return restore_error(
        upstream.error_code or "",
        upstream.error_message or "OMDb returned an error; retry later.",
        retry_after_seconds=int((until - now).total_seconds()) + 1,
        is_refusal=True,
    )
