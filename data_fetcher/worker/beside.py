"""A worker in a thread of its own, on an event loop of its own.

On the service's own loop, the answers of OMDb that arrive together would keep readers waiting.
"""

import asyncio
import os
import sys
import threading
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

import structlog

from data_fetcher.worker.worker import FetchWorker

NICENESS = 10
"""How much the threads of the worker stand back behind those who answer, on Linux."""

_log = structlog.get_logger(__name__)


class WorkerBeside:
    """Runs a worker until it is stopped. Its methods may be called from any thread.

    Args:
        open_worker: gives the worker, on the loop on which it works.
    """

    def __init__(self, open_worker: Callable[[], AbstractAsyncContextManager[FetchWorker]]) -> None:
        self._open_worker = open_worker
        self._thread = threading.Thread(target=self._run, name="fetch worker", daemon=True)
        self._is_told = threading.Event()
        self._worker: FetchWorker | None = None

    def start(self) -> None:
        """Begin to work."""
        self._thread.start()

    def ring(self) -> None:
        """Say that there is something to do; a worker that has not begun yet finds it anyway."""
        if self._worker is not None:
            self._worker.ring()

    def stop(self) -> None:
        """Take no more; see `FetchWorker.stop`."""
        self._is_told.set()
        if self._worker is not None:
            self._worker.stop()

    def join(self, seconds: float) -> None:
        """Wait until it has ended, for so long at most."""
        self._thread.join(seconds)

    def _run(self) -> None:
        try:
            if sys.platform == "linux":  # pragma: no branch  # Else threads have no priority.
                os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICENESS)
            asyncio.run(self._work())
        except Exception:  # noqa: BLE001 - Nobody waits for a thread: the log is all there is.
            _log.exception("the worker has ended: what is wished for waits for another one")

    async def _work(self) -> None:
        async with self._open_worker() as worker:
            self._worker = worker
            if self._is_told.is_set():
                worker.stop()
            await worker.run()
