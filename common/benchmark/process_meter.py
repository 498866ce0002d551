"""What a piece of work costs a process: wall time, CPU time, peak memory."""

import os
import threading
import time
from types import TracebackType
from typing import Self

import psutil

SAMPLE_SECONDS = 0.01
"""How often memory is looked at; a peak that is shorter can be missed."""


class ProcessMeter:
    """A context that measures a process, and the children it has by then, until it ends.

    Args:
        pid: of the process; this one's by default.

    Raises:
        psutil.NoSuchProcess: it has ended.
    """

    wall_seconds: float
    """From the beginning of the context to its end."""
    cpu_seconds: float
    """User and system time of all threads; can be more than the wall time."""
    start_bytes: int
    """Resident memory at the beginning."""
    peak_bytes: int
    """The most resident memory that was seen. A page that processes share counts for each."""

    def __init__(self, pid: int | None = None) -> None:
        process = psutil.Process(os.getpid() if pid is None else pid)
        self._processes = [process] if pid is None else [process, *process.children(recursive=True)]
        self._is_over = threading.Event()
        self._sampler = threading.Thread(target=self._sample, daemon=True)

    def __enter__(self) -> Self:
        self.start_bytes = self.peak_bytes = self._resident_bytes()
        self._cpu_at_start = self._cpu_seconds()
        self._started = time.perf_counter()
        self._sampler.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.wall_seconds = time.perf_counter() - self._started
        self.cpu_seconds = self._cpu_seconds() - self._cpu_at_start
        self._is_over.set()
        self._sampler.join()
        self.peak_bytes = max(self.peak_bytes, self._resident_bytes())

    def _sample(self) -> None:
        while not self._is_over.wait(SAMPLE_SECONDS):
            self.peak_bytes = max(self.peak_bytes, self._resident_bytes())

    def _resident_bytes(self) -> int:
        return sum(process.memory_info().rss for process in self._processes)

    def _cpu_seconds(self) -> float:
        times = [process.cpu_times() for process in self._processes]
        return sum(spent.user + spent.system for spent in times)
