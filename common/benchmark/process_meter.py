"""Meter of the wall time, CPU time and peak memory of a process."""

import os
import threading
import time
from typing import Self

import psutil

SAMPLE_SECONDS = 0.01
"""Interval at which memory is sampled; shorter peaks can be missed."""


class ProcessMeter:
    """Context that measures a process from its beginning to its end.

    Args:
        pid: Id of a process, which is measured together with the children it has at this time;
            by default, this process without children.

    Raises:
        psutil.NoSuchProcess: The process does not exist.
    """

    wall_seconds: float
    """Duration of the context."""
    cpu_seconds: float
    """User and system time of all threads; it can exceed the wall time."""
    start_bytes: int
    """Resident memory at the beginning of the context."""
    peak_bytes: int
    """Highest sampled resident memory; a page shared by processes counts for each."""

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

    def __exit__(self, *_exception: object) -> None:
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
        return sum(each.user + each.system for each in times)
