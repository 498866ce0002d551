"""The loop of those who ingest: look, wait, look again, and stop in time."""

import datetime as dt
from collections.abc import Callable
from contextlib import AbstractContextManager

import structlog

from common.errors import BucketUnavailable, DatabaseUnavailable, MoviesError
from common.stop_request import Brake
from data_fetcher.ingest.object_ingester import Stopped
from data_fetcher.ingest.source_scan import Look, LookReport
from data_fetcher.ingest.source_state import Source

POLL_SECONDS = 60.0
"""How often a source is looked at."""

AGAIN_SECONDS = 5.0
"""When it is tried again to look, where that was not possible."""

ASK_SECONDS = 1.0
"""How often is asked whether somebody wants it looked at at once."""

KEPT_DAYS = 30
"""How long is kept what became of an object."""

_log = structlog.get_logger(__name__)


class IngestWorker:
    """Takes in what is dropped until it is stopped.

    Any number may do so on one source: one of them works, the others take over when it dies.

    Args:
        look: at the source.
        source: as all processes know it.
        try_lock: tries to be the one who works.
        brake: stops it.
        poll_seconds: how often it looks.
    """

    def __init__(
        self,
        look: Look,
        source: Source,
        try_lock: Callable[[], AbstractContextManager[bool]],
        brake: Brake,
        poll_seconds: float = POLL_SECONDS,
    ) -> None:
        self._look = look
        self._source = source
        self._try_lock = try_lock
        self._brake = brake
        self._poll_seconds = poll_seconds

    def run(self) -> None:
        """Work until the brake is pulled; whatever is not finished then is done the next time."""
        while not self._brake.is_pulled():
            began_at, pause = self._source.clock(), self._poll_seconds
            try:
                self.look_once()
                self._forget(began_at)
            except Stopped:
                return
            except MoviesError as error:
                _log.warning("updates can't be taken in at the moment", reason=error.message)
                pause = min(AGAIN_SECONDS, pause)
            except Exception:  # noqa: BLE001 - What nobody has thought of must not end the worker.
                _log.exception("updates could not be taken in")
            self._wait(began_at, pause)

    def look_once(self) -> LookReport | None:
        """Take in what is there; `None` where somebody else does.

        Raises:
            BucketUnavailable: all see so in the state of the source.
            DatabaseUnavailable: what was committed stays.
            Stopped: nothing of the last transaction was stored.
        """
        with self._try_lock() as is_ours:
            if not is_ours:
                return None
            try:
                report = self._look.run()
            except BucketUnavailable as error:
                self._source.note(error.message)
                raise
            self._source.note(None)
        if report.objects:
            _log.info(
                "updates were taken in",
                source=self._source.name,
                objects=report.objects.total(),
                **{name: count for name, count in report.updates.items() if count},
            )
        return report

    def _forget(self, now: dt.datetime) -> None:
        with self._source.unit_of_work() as uow:
            uow.ingests.forget(now - dt.timedelta(days=KEPT_DAYS))
            uow.commit()

    def _wait(self, began_at: dt.datetime, seconds: float) -> None:
        """Wait until it is time to look again, or somebody asks for it."""
        waited = 0.0
        while waited < seconds and not self._brake.is_pulled():
            pause = min(ASK_SECONDS, seconds - waited)
            self._brake.wait(pause)
            waited += pause
            try:
                if self._source.is_wanted_since(began_at):
                    return
            except DatabaseUnavailable:  # The next look tells.
                continue
