"""A worker in a process of its own, which the service starts, keeps alive and stops.

In the service's own process, the answers of OMDb that arrive together would keep readers waiting.
"""

import threading
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.connection import Connection
from typing import Final

import structlog

from common.processes import SPAWN, start_uninterrupted

PAUSE_SECONDS = 1.0
"""Before another one is started: what can't start must not be tried without a pause."""

RING: Final = "ring"
"""What the process is told when there is something to do; where nothing can come any more, it is
to stop."""

Work = Callable[[Connection], None]

_log = structlog.get_logger(__name__)


class WorkerBeside:
    """Keeps a worker running until it is stopped. Its methods may be called from any thread.

    Args:
        work: what the process does with its end of the line: it is told `RING`, and says how many
            requests it has sent; see `attempts`. Picklable. It ends when the line does.
    """

    def __init__(self, work: Work) -> None:
        self._work = work
        self._is_told = threading.Event()
        self._thread = threading.Thread(target=self._keep_alive, name="fetch worker", daemon=True)
        self._turn = threading.Lock()
        self._line: Connection | None = None
        self._attempts_before: Counter[str] = Counter()
        self._attempts: Counter[str] = Counter()

    @property
    def attempts(self) -> Counter[str]:
        """How many requests were sent to OMDb, by what came of them."""
        return self._attempts_before + self._attempts

    def start(self) -> None:
        """Begin to work."""
        self._thread.start()

    def ring(self) -> None:
        """Say that there is something to do; a worker that has not begun yet finds it anyway."""
        with self._turn, suppress(OSError):
            if self._line is not None:
                self._line.send(RING)

    def stop(self) -> None:
        """Take no more; see `FetchWorker.stop`."""
        with self._turn, suppress(OSError):
            self._is_told.set()
            if self._line is not None:
                self._line.send(None)

    def join(self, seconds: float) -> None:
        """Wait until it has ended, for so long at most."""
        self._thread.join(seconds)

    def _keep_alive(self) -> None:
        while (ends := self._open_line()) is not None:
            exit_code = self._run(*ends)
            if not self._is_told.wait(PAUSE_SECONDS):
                _log.error("the worker has died; another one follows", exit_code=exit_code)

    def _open_line(self) -> tuple[Connection, Connection] | None:
        """Return both ends of a new line, over which it can be told from now on."""
        with self._turn:
            if self._is_told.is_set():
                return None
            self._line, other_end = SPAWN.Pipe()
            return self._line, other_end

    def _run(self, line: Connection, other_end: Connection) -> int | None:
        """Have one process work until it ends; return its exit code."""
        # It must not outlive a service that ends well.
        process = SPAWN.Process(target=self._work, args=(other_end,), daemon=True)
        start_uninterrupted(process)
        other_end.close()
        with suppress(EOFError, OSError):
            while True:
                self._attempts = line.recv()
        with self._turn:
            self._line = None
            line.close()
        self._attempts_before += self._attempts
        self._attempts = Counter()
        process.join()
        return process.exitcode
