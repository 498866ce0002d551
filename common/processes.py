"""Child processes started with `spawn`, as new interpreters.

They inherit no threads and no connections of the parent, as a fork would.
"""

import multiprocessing
import os
import pickle
import select
import signal
import threading
from collections.abc import Callable
from contextlib import suppress
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from multiprocessing.process import BaseProcess
from multiprocessing.reduction import ForkingPickler
from typing import Any, Final, cast

import structlog

from common.imports import permanent_imports

PAUSE_SECONDS = 1.0
"""Pause before a restart, so that a process that cannot start does not loop without delay."""

START_SECONDS = 120.0
"""Time for the first message of a process; imports take seconds, on a busy machine more."""

GRACE_SECONDS = 5.0
"""Further wait after a silence: the parent may have been suspended together with the child."""

HEARTBEAT: Final = None
"""Message by which a child process tells that it is running."""

Work = Callable[[Connection], None]
"""Main function of a child process, picklable; it receives its end of a pipe to the parent."""

_log = structlog.get_logger(__name__)

_SPAWN = multiprocessing.get_context("spawn")


def start_child(work: Work, *, is_daemon: bool = True) -> tuple[SpawnProcess, Connection]:
    """Start a process that Ctrl-C does not reach, and return it with the parent's end of its pipe.

    Terminals send SIGINT to the whole process group; the parent is responsible for stopping its
    children. If the parent dies, the child receives SIGTERM.

    Args:
        work: Function that the process runs; it should return on SIGTERM.
        is_daemon: Terminate the process when the parent exits. A daemon cannot start processes.
    """
    connection, child_end = _SPAWN.Pipe()
    process = _SPAWN.Process(target=_run_child, args=(_Pickled(work), child_end), daemon=is_daemon)
    # The first spawned process would start the resource tracker, which unblocks SIGINT.
    resource_tracker.ensure_running()
    # The child inherits the blocked signal.
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        process.start()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        child_end.close()
    return process, connection


def send_heartbeat(connection: Connection) -> None:
    """Send `HEARTBEAT` to the parent, unless that would block: the parent may be suspended."""
    _send_unless_blocked(connection, HEARTBEAT)


class SupervisedProcess:
    """Child process that is restarted whenever it ends, until it is stopped. Thread-safe.

    A process that is suspended or hangs keeps its database locks. It is killed, and restarted, if
    it was silent for too long.

    Args:
        work: See `start_child`.
        stop_seconds: Time for the process to end after SIGTERM, before it is killed.
        on_restart: Function that a thread calls with the exit code before a restart.
        on_message: Function that a thread calls with each message of the process.
        silence_max_seconds: Longest time between two messages of the process; the first one has
            `START_SECONDS`. None means no limit.
        is_daemon: See `start_child`.
    """

    def __init__(
        self,
        work: Work,
        stop_seconds: float,
        *,
        on_restart: Callable[[int | None], None],
        on_message: Callable[[Any], None] = lambda _message: None,
        silence_max_seconds: float | None = None,
        is_daemon: bool = True,
    ) -> None:
        self._work = work
        self._stop_seconds = stop_seconds
        self._on_restart = on_restart
        self._on_message = on_message
        self._silence_max_seconds = silence_max_seconds
        self._is_daemon = is_daemon
        self._is_stopping = threading.Event()
        self._lock = threading.Lock()
        self._process: SpawnProcess | None = None
        self._connection: Connection | None = None
        self._thread = threading.Thread(target=self._keep_alive, daemon=True)

    def start(self) -> None:
        """Start the process and its supervision."""
        self._thread.start()

    def send(self, message: object) -> None:
        """Send a message; it is dropped while the process is not running, or does not receive."""
        with self._lock:
            if self._connection is not None:
                _send_unless_blocked(self._connection, message)

    def stop(self) -> None:
        """Send SIGTERM, and do not restart the process; kill it after `stop_seconds`."""
        with self._lock:
            if self._is_stopping.is_set():
                return
            self._is_stopping.set()
            if self._process is not None:
                self._process.terminate()
        timer = threading.Timer(self._stop_seconds, self.kill)
        timer.daemon = True
        timer.start()

    def kill(self) -> None:
        """Kill the process. Safe to call from a signal handler."""
        if self._process is not None:
            self._process.kill()

    def join(self, seconds: float | None = None) -> None:
        """Wait until the process has ended and is not restarted, for at most `seconds`."""
        self._thread.join(seconds)

    def _keep_alive(self) -> None:
        is_running = True
        while is_running:
            with suppress(OSError):  # No memory or process ID is left for a start: retried.
                is_running = self._run()
            if not self._is_stopping.wait(PAUSE_SECONDS):
                self._on_restart(None if self._process is None else self._process.exitcode)

    def _run(self) -> bool:
        """Run one process until it ends; return False without one if it is stopped."""
        with self._lock:
            if self._is_stopping.is_set():
                return False
            process, connection = start_child(self._work, is_daemon=self._is_daemon)
            self._process, self._connection = process, connection
        with suppress(EOFError, OSError):
            silent_seconds = self._receive(connection)
            _log.error("process_unresponsive", pid=process.pid, silent_seconds=silent_seconds)
            process.kill()
        with self._lock:
            self._connection = None
            connection.close()
        process.join()
        return True

    def _receive(self, connection: Connection) -> float | None:
        """Pass on messages until the process is silent for too long; return that time limit.

        Raises:
            EOFError: The process has ended.
        """
        limit = None if self._silence_max_seconds is None else START_SECONDS
        while connection.poll(limit) or connection.poll(GRACE_SECONDS):
            self._on_message(connection.recv())
            limit = self._silence_max_seconds
        return limit


class _Pickled:
    """Work that the child process loads itself, since loading it imports its modules."""

    def __init__(self, work: Work) -> None:
        self._work = work

    def __getstate__(self) -> bytes:
        return bytes(ForkingPickler.dumps(self._work))

    def __setstate__(self, pickled: bytes) -> None:
        with permanent_imports():
            self._work = pickle.loads(pickled)  # noqa: S301 - The parent has pickled it.

    def __call__(self, connection: Connection) -> None:
        self._work(connection)


def _send_unless_blocked(connection: Connection, message: object) -> None:
    """Send a small message, unless the pipe is full or the other process has ended."""
    poll = select.poll()  # Unlike `select`, it accepts descriptors above 1,023.
    with suppress(OSError):
        poll.register(connection, select.POLLOUT)
        if poll.poll(0):
            connection.send(message)


def _run_child(work: Work, connection: Connection) -> None:
    threading.Thread(target=_terminate_with_parent, daemon=True).start()
    work(connection)


def _terminate_with_parent() -> None:
    cast("BaseProcess", multiprocessing.parent_process()).join()
    os.kill(os.getpid(), signal.SIGTERM)
