"""Worker process that the service starts, restarts after a crash, and stops.

Inside the server process, parsing bursts of OMDb responses would delay other requests.
"""

from collections import Counter
from typing import Final

import structlog

from common.processes import SupervisedProcess, Work

STOP_SECONDS = 7.5
"""Time for the worker to stop; longer than `data_fetcher.workers.fetch_worker.STOP_SECONDS`."""

SILENCE_SECONDS = 60.0
"""Time without a message after which the worker is killed and restarted. The worker has the lowest
priority, so that it may be slow on a busy machine."""

WAKE_UP: Final = "wake-up"
"""Message that wakes the worker process."""

_log = structlog.get_logger(__name__)


class WorkerProcess(SupervisedProcess):
    """Supervised worker process.

    Args:
        work: Main function of the process. Its pipe receives `WAKE_UP` messages, and sends numbers
            of new requests (see `attempts`), at least every `SILENCE_SECONDS`.
    """

    def __init__(self, work: Work) -> None:
        super().__init__(
            work,
            STOP_SECONDS,
            on_restart=lambda code: _log.error("worker_process_restarted", exit_code=code),
            on_message=self._add_attempts,
            silence_max_seconds=SILENCE_SECONDS,
        )
        self.attempts: Counter[str] = Counter()
        """Number of requests to OMDb by outcome, of all processes since the start."""

    def wake_up(self) -> None:
        """Wake the worker; one that has not started yet polls at its start anyway."""
        self.send(WAKE_UP)

    def _add_attempts(self, attempts: Counter[str]) -> None:
        self.attempts = self.attempts + attempts  # A new object, since other threads read it.
