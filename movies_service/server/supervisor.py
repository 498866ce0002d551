"""Several processes of one kind: started, replaced when they die, stopped together."""

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from multiprocessing.process import BaseProcess
from types import FrameType
from typing import cast

import structlog

from common.processes import SPAWN, start_uninterrupted

_log = structlog.get_logger(__name__)

STOP_SECONDS = 7.75
"""How long they get to end what they do."""

PAUSE_SECONDS = 1.0
"""Before another one is started: what can't start must not be tried without a pause."""

Work = Callable[[int], None]


class Processes:
    """Keeps processes running until it is told to stop.

    Args:
        count: how many.
        work: what each does with its number, from 0 on; picklable. It ends on SIGTERM.
    """

    def __init__(self, count: int, work: Work) -> None:
        self._work = work
        self._count = count
        self._processes: dict[int, SpawnProcess] = {}

    def run(self) -> None:
        """Start them, put another one into the place of each that dies, and stop them.

        At the first SIGINT or SIGTERM they end what they do, a second one kills them.
        """
        with _signals() as signals:
            try:
                for number in range(self._count):
                    self._start(number)
                self._keep_alive(signals)
            finally:
                self._stop(signals)

    def _start(self, number: int) -> None:
        process = SPAWN.Process(target=_be_one, args=(self._work, number))
        start_uninterrupted(process)
        self._processes[number] = process

    def _keep_alive(self, signals: Connection) -> None:
        """Return at the first signal, and take it in."""
        while True:
            numbers = {process.sentinel: number for number, process in self._processes.items()}
            ready = wait([signals, *numbers])
            ended = [number for sentinel, number in numbers.items() if sentinel in ready]
            for number in ended:
                _log.error(
                    "a process has died; another one follows",
                    exit_code=self._processes[number].exitcode,
                )
            if wait([signals], PAUSE_SECONDS if ended else 0):
                signals.recv_bytes()
                return
            for number in ended:
                self._start(number)

    def _stop(self, signals: Connection) -> None:
        for process in self._processes.values():
            process.terminate()
        deadline = time.monotonic() + STOP_SECONDS
        while alive := [each.sentinel for each in self._processes.values() if each.is_alive()]:
            ready = wait([signals, *alive], max(0, deadline - time.monotonic()))
            if signals in ready or not ready:
                break
        for process in self._processes.values():
            process.kill()
            process.join()


@contextmanager
def _signals() -> Iterator[Connection]:
    """Give a connection that receives something for each SIGINT and SIGTERM."""
    receiving, sending = multiprocessing.Pipe(duplex=False)

    def pass_on(_number: int, _frame: FrameType | None) -> None:
        sending.send_bytes(b"!")

    numbers = (signal.SIGINT, signal.SIGTERM)
    before = [signal.signal(number, pass_on) for number in numbers]
    try:
        with receiving, sending:
            yield receiving
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)


def _be_one(work: Work, number: int) -> None:
    """Work, in a process of its own, for as long as the parent lives."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    threading.Thread(target=_end_with_parent, daemon=True).start()
    work(number)


def _end_with_parent() -> None:
    cast("BaseProcess", multiprocessing.parent_process()).join()
    os.kill(os.getpid(), signal.SIGTERM)
