"""All attempts of all processes, held to one quota, one pace and one breaker."""

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
from common.errors import Conflict, DatabaseUnavailable, MoviesError, UpstreamQuota, error_of
from data_fetcher.omdb.admission import Purpose
from data_fetcher.throttling.circuit_breaker import (
    PROBE_SECONDS,
    after_failure,
    after_success,
    says_nothing,
)
from data_fetcher.throttling.daily_quota import LOT_LOW, Quota, seconds_to_midnight
from data_layer.entities.upstream_state import Upstream
from data_layer.ports.unit_of_work import UnitOfWorkFactory
from data_layer.retries import retried_when_busy

_log = structlog.get_logger(__name__)


@dataclass(slots=True)
class _Lot:
    """Requests of a day that this process has taken and not used."""

    day: dt.date
    purpose: Purpose
    left: int


class UpstreamCare:
    """Admits attempts at OMDb; see `data_fetcher.omdb.admission.Care`.

    What has to hold for all processes is in the database. A process looks there each time it
    takes requests, for those who don't wait some at once.

    Args:
        unit_of_work: opens transactions.
        quota: of a day.
        pace: how many attempts this process begins in how much time; `None` for no bound.
        clock: in UTC.
    """

    def __init__(
        self,
        unit_of_work: UnitOfWorkFactory,
        quota: Quota,
        pace: AsyncLimiter | None = None,
        clock: Clock = utc_now,
    ) -> None:
        self._unit_of_work = unit_of_work
        self.quota = quota
        self._pace = pace
        self._clock = clock
        self._known = Upstream(day=clock().date())
        self._lots: dict[Purpose, _Lot] = {}
        self._turn = asyncio.Lock()
        self._ahead: set[asyncio.Task[None]] = set()

    async def admit(self, purpose: Purpose) -> None:
        """Take one request out of the day's quota, and wait for its turn.

        Raises:
            UpstreamUnavailable: OMDb is left alone at the moment, for the reason that it gave.
            UpstreamQuota: nothing is left of the day for this purpose.
            DatabaseUnavailable: nobody knows.
        """
        if not self._use_one(purpose):
            async with self._turn:
                if not self._use_one(purpose):
                    await self._fill(purpose)
                    self._lots[purpose].left -= 1
        elif self._lots[purpose].left == LOT_LOW:
            self._ahead.add(asyncio.create_task(self._fill_ahead(purpose)))
        if self._pace is not None:
            await self._pace.acquire()

    async def note(self, error: MoviesError | None) -> None:
        """Take in how an attempt has ended: it may close OMDb for all, or open it again."""
        if error is None:
            if self._known.failures:
                await asyncio.to_thread(self._change, after_success)
        elif not says_nothing(error):
            now = self._clock()
            await asyncio.to_thread(self._change, lambda known: after_failure(known, error, now))

    async def close(self) -> None:
        """Give back the requests of this day that were not used."""
        await asyncio.gather(*self._ahead)
        today = self._known.day_at(self._clock())
        unused = sum(lot.left for lot in self._lots.values() if lot.day == today)
        self._lots.clear()
        if unused:
            await asyncio.to_thread(
                self._change,
                lambda known: dataclasses.replace(known, spent=max(0, known.spent - unused)),
            )

    async def forget_refusal(self) -> None:
        """Begin anew where OMDb did not accept the key: somebody may have given another one."""
        await asyncio.to_thread(
            self._change,
            lambda known: after_success(known) if known.error_code == "upstream-refused" else known,
        )

    def pause_seconds(self, purpose: Purpose) -> float:
        """Return for how long nothing will be admitted, as far as this process knows."""
        now = self._clock()
        known, today = self._known, self._known.day_at(now)
        if known.closed_until is not None and known.is_closed_at(now):
            return (known.closed_until - now).total_seconds()
        lot = self._lots.get(purpose)
        has_lot = lot is not None and lot.day == today and lot.left > 0
        if not has_lot and self.quota.grant(known, purpose, today) == 0:
            return seconds_to_midnight(now)
        return 0

    def look(self) -> Upstream:
        """Return what all processes know, and keep it in mind."""
        with self._unit_of_work(is_read_only=True) as uow:
            self._known = uow.upstream.find() or self._known
        return self._known

    async def _fill(self, purpose: Purpose) -> None:
        """Take requests, beside those that are at hand."""
        taken = await asyncio.to_thread(self._take, purpose)
        lot = self._lots.get(purpose)
        if lot is not None and lot.day == taken.day:
            taken.left += lot.left
        self._lots[purpose] = taken

    async def _fill_ahead(self, purpose: Purpose) -> None:
        """Take requests before the last one is used; what is wrong is told to who needs one."""
        with suppress(MoviesError):
            async with self._turn:
                await self._fill(purpose)
        self._ahead.discard(cast("asyncio.Task[None]", asyncio.current_task()))

    def _use_one(self, purpose: Purpose) -> bool:
        """Use a request that is at hand, if there is one."""
        now, lot = self._clock(), self._lots.get(purpose)
        if self._known.closed_until is not None:
            if self._known.is_closed_at(now):
                raise _closed(self._known, now)
            return False
        if lot is None or lot.left == 0 or lot.day != self._known.day_at(now):
            return False
        lot.left -= 1
        return True

    @retried_when_busy
    def _take(self, purpose: Purpose) -> _Lot:
        now = self._clock()
        with self._unit_of_work() as uow:
            found = uow.upstream.find() or Upstream(day=now.date())
            self._known = found
            if found.is_closed_at(now):
                raise _closed(found, now)
            today = found.day_at(now)
            granted = self.quota.grant(found, purpose, today)
            if granted == 0:
                raise UpstreamQuota(
                    "The requests of the day that we may send to OMDb are spent: try again"
                    " tomorrow.",
                    retry_after_seconds=seconds_to_midnight(now),
                )
            taken = found
            if found.closed_until is not None:  # Only one tries whether OMDb serves again.
                granted = 1
                until = now + dt.timedelta(seconds=PROBE_SECONDS)
                taken = dataclasses.replace(found, closed_until=until)
            spent = found.spent_on(today) + granted
            self._known = dataclasses.replace(taken, day=today, spent=spent)
            uow.upstream.put(self._known)
            uow.commit()
        return _Lot(today, purpose, granted)

    def _change(self, change: Callable[[Upstream], Upstream]) -> None:
        """Change what all processes know; where the database is away, what this one knows."""
        try:
            before, after = self._store(change)
        except (DatabaseUnavailable, Conflict):
            before, after = self._known, change(self._known)
        self._known = after
        if after.closed_until is not None and after.closed_until != before.closed_until:
            _log.warning(
                "OMDb is left alone",
                reason=after.error_message,
                until=after.closed_until.isoformat(timespec="seconds"),
            )
        elif after.closed_until is None and before.closed_until is not None:
            _log.info("OMDb serves again")

    @retried_when_busy
    def _store(self, change: Callable[[Upstream], Upstream]) -> tuple[Upstream, Upstream]:
        with self._unit_of_work() as uow:
            before = uow.upstream.find() or Upstream(day=self._clock().date())
            if (after := change(before)) != before:
                uow.upstream.put(after)
                uow.commit()
        return before, after


def _closed(upstream: Upstream, now: dt.datetime) -> MoviesError:
    """Return why OMDb is left alone, and for how long still."""
    until = upstream.closed_until or now
    return error_of(
        upstream.error_code or "",
        upstream.error_message or "OMDb has trouble at the moment.",
        retry_after_seconds=int((until - now).total_seconds()) + 1,
    )
