"""Ingest worker: scans a source at an interval until it is stopped."""

import datetime as dt
from collections.abc import Callable
from contextlib import AbstractContextManager

import structlog

from common.errors import BucketUnavailable, DatabaseUnavailable, MoviesError
from common.shutdown import ShutdownSignal
from data_fetcher.ingest.object_ingester import IngestInterrupted
from data_fetcher.ingest.source_scan import ScanReport, SourceScan
from data_fetcher.ingest.source_state import IngestSourceState

POLL_SECONDS = 60.0
"""Default interval between the starts of two scans."""

RETRY_SECONDS = 5.0
"""Longest interval before the next scan after a failed one."""

REQUEST_POLL_SECONDS = 1.0
"""Interval at which a waiting worker checks for scan requests."""

RETENTION_DAYS = 30
"""Age at which ingest records are deleted."""

_log = structlog.get_logger(__name__)


class IngestWorker:
    """Scans a source repeatedly until it is stopped.

    Several workers may share a source: the one that holds the lock scans, and another one takes
    over when it dies.

    Args:
        scan: Of the source.
        source: Its shared state.
        try_lock: Tries to acquire the lock of the source; its context yields whether it did.
        shutdown: Ends the worker.
        poll_seconds: Interval between scans.
    """

    def __init__(
        self,
        scan: SourceScan,
        source: IngestSourceState,
        try_lock: Callable[[], AbstractContextManager[bool]],
        shutdown: ShutdownSignal,
        poll_seconds: float = POLL_SECONDS,
    ) -> None:
        self._scan = scan
        self._source = source
        self._try_lock = try_lock
        self._shutdown = shutdown
        self._poll_seconds = poll_seconds
        self._warning: str | None = None
        """Warning of the last scan; a repeated one is not logged again."""

    def run(self) -> None:
        """Scan until the shutdown starts; the next run completes unfinished work."""
        while not self._shutdown.is_set():
            started_at, pause = self._source.clock(), self._poll_seconds
            try:
                self.scan_once()
                self._purge(started_at)
            except IngestInterrupted:
                return
            except MoviesError as error:
                _log.warning("ingest_unavailable", reason=error.message)
                pause = min(RETRY_SECONDS, pause)
            except Exception:  # noqa: BLE001 - A bug must not end the worker.
                _log.exception("ingest_failed")
            self._wait(started_at, pause)

    def scan_once(self) -> ScanReport | None:
        """Scan the source and record the scan; `None` if another worker holds the lock.

        Raises:
            BucketUnavailable: The error is recorded in the state of the source.
            DatabaseUnavailable: Committed objects stay committed.
            IngestInterrupted: The last transaction was rolled back.
        """
        with self._try_lock() as is_ours:
            if not is_ours:
                return None
            try:
                report = self._scan.run()
            except BucketUnavailable as error:
                self._source.record_scan(error.message)
                raise
            self._source.record_scan(report.warning)
        if report.warning and report.warning != self._warning:
            _log.warning("ingest_objects_remaining", reason=report.warning)
        self._warning = report.warning
        if report.objects:
            _log.info(
                "ingest_completed",
                source=self._source.name,
                objects=report.objects.total(),
                **{name: count for name, count in report.updates.items() if count},
            )
        return report

    def _purge(self, now: dt.datetime) -> None:
        with self._source.unit_of_work() as uow:
            uow.ingests.delete_before(now - dt.timedelta(days=RETENTION_DAYS))
            uow.commit()

    def _wait(self, started_at: dt.datetime, seconds: float) -> None:
        """Return after `seconds`, on shutdown, or on a scan request since `started_at`."""
        waited = 0.0
        while waited < seconds and not self._shutdown.is_set():
            pause = min(REQUEST_POLL_SECONDS, seconds - waited)
            self._shutdown.wait_in_thread(pause)
            waited += pause
            try:
                if self._source.is_scan_requested_since(started_at):
                    return
            except DatabaseUnavailable:  # The next scan reports it.
                continue
