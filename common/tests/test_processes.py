import multiprocessing
import os
import queue
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from typing import Any

import psutil
import pytest
from structlog.testing import capture_logs

from common import processes
from common.logging_setup import configure_logs
from common.processes import SupervisedProcess, start_child

pytestmark = pytest.mark.integration


def echo(connection: Connection) -> None:
    """Send back each message and the ID of the process; crash on None."""
    while (message := connection.recv()) is not None:
        connection.send((message, os.getpid()))
    os._exit(3)


def end_slowly(connection: Connection) -> None:
    """Report the first SIGTERM, and end on the message that answers it."""
    signal.signal(signal.SIGTERM, lambda _number, _frame: connection.send("stopping"))
    connection.send("started")
    connection.recv()


def send_blocked_signals(connection: Connection) -> None:
    connection.send(signal.pthread_sigmask(signal.SIG_BLOCK, ()))


def freeze(connection: Connection) -> None:
    """Report the start, then suspend the process as SIGSTOP from outside does."""
    processes.send_heartbeat(connection)
    os.kill(os.getpid(), signal.SIGSTOP)


class Supervision:
    """Supervised process whose messages and restarts are queued."""

    def __init__(
        self,
        work: processes.Work,
        stop_seconds: float = 60,
        silence_max_seconds: float | None = None,
    ) -> None:
        self.messages: queue.Queue[Any] = queue.Queue()
        self.exit_codes: queue.Queue[int | None] = queue.Queue()
        self.process = SupervisedProcess(
            work,
            stop_seconds,
            on_restart=self.exit_codes.put,
            on_message=self.messages.put,
            silence_max_seconds=silence_max_seconds,
        )

    def next_message(self) -> object:
        return self.messages.get(timeout=30)

    def ask(self, message: str) -> int:
        """Return the ID of the process that echoes the message."""
        while True:  # It is dropped until the process is running.
            self.process.send(message)
            with suppress(queue.Empty):
                echoed, pid = self.messages.get(timeout=0.1)
                if echoed == message:
                    return int(pid)


@pytest.fixture
def supervise(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Supervision]:
    monkeypatch.setattr(processes, "PAUSE_SECONDS", 0.01)
    monkeypatch.setattr(processes, "GRACE_SECONDS", 0.01)
    return Supervision


def test_a_child_does_not_receive_the_signal_of_ctrl_c() -> None:
    before = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    process, connection = start_child(send_blocked_signals)
    with connection:
        assert signal.SIGINT in connection.recv()
        with pytest.raises(EOFError):
            connection.recv()
    process.join()
    assert process.exitcode == 0
    assert signal.pthread_sigmask(signal.SIG_BLOCK, ()) == before


def test_a_child_ends_with_its_parent() -> None:
    program = """
import os
from common.processes import start_child
from common.tests.test_processes import echo
process, _connection = start_child(echo)
print(process.pid, flush=True)
os.kill(os.getpid(), 9)
"""
    with subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
    deadline = time.monotonic() + 20
    while psutil.pid_exists(child) and psutil.Process(child).status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_crashed_process_is_restarted(supervise: Callable[..., Supervision]) -> None:
    supervision = supervise(echo)
    supervision.process.send("dropped")
    supervision.process.start()
    first = supervision.ask("first")
    supervision.process.send(None)
    assert supervision.exit_codes.get(timeout=30) == 3
    assert supervision.ask("second") != first
    supervision.process.kill()
    assert supervision.exit_codes.get(timeout=30) == -signal.SIGKILL
    supervision.process.stop()
    supervision.process.join(30)
    supervision.process.send("dropped")


def test_a_suspended_process_is_replaced(
    supervise: Callable[..., Supervision], capsys: pytest.CaptureFixture[str]
) -> None:
    configure_logs("info", "json")
    supervision = supervise(freeze, silence_max_seconds=0.1)
    supervision.process.start()
    for _ in range(2):
        assert supervision.next_message() is processes.HEARTBEAT
        assert supervision.exit_codes.get(timeout=30) == -signal.SIGKILL
    supervision.process.stop()
    supervision.process.kill()
    supervision.process.join(30)
    assert '"event": "process_unresponsive"' in capsys.readouterr().err


@dataclass
class FakeChild:
    """Process, and the parent's end of its pipe, whose polls have given results."""

    polls: list[bool]
    pid: int = 1
    exitcode: int | None = None
    limits: list[float | None] = field(default_factory=list)

    def poll(self, seconds: float | None) -> bool:
        self.limits.append(seconds)
        return self.polls.pop(0)

    def recv(self) -> object:
        return processes.HEARTBEAT

    def kill(self) -> None:
        self.exitcode = -signal.SIGKILL

    def terminate(self) -> None:
        """Ignore SIGTERM."""

    def close(self) -> None:
        """Close the pipe."""

    def join(self) -> None:
        """Return at once."""


START, SILENCE, GRACE = processes.START_SECONDS, 30.0, processes.GRACE_SECONDS


@pytest.mark.parametrize(
    ("polls", "limits"),
    [
        ([False, False], [START, GRACE]),
        ([True, False, True, False, False], [START, SILENCE, GRACE, SILENCE, GRACE]),
    ],
    ids=["silent-from-the-start", "suspended-with-its-parent"],
)
def test_a_silent_process_gets_time_to_report_before_it_is_killed(
    monkeypatch: pytest.MonkeyPatch, polls: list[bool], limits: list[float | None]
) -> None:
    child = FakeChild(polls)
    monkeypatch.setattr(processes, "start_child", lambda _work, is_daemon: (child, child))
    process = SupervisedProcess(
        echo, 60, on_restart=lambda _code: process.stop(), silence_max_seconds=SILENCE
    )
    with capture_logs() as log:
        process.start()
        process.join(30)
    assert child.limits == limits
    assert child.exitcode == -signal.SIGKILL
    assert log[0]["silent_seconds"] == limits[-2]


def test_messages_to_a_process_that_does_not_receive_are_dropped(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    connection, child_end = multiprocessing.Pipe()
    child = FakeChild([])
    monkeypatch.setattr(processes, "start_child", lambda _work, is_daemon: (child, connection))
    received: queue.Queue[object] = queue.Queue()
    process = SupervisedProcess(echo, 60, on_restart=received.put, on_message=received.put)
    process.start()
    child_end.send("started")
    assert received.get(timeout=30) == "started"
    for _ in range(10_000):  # More than the pipe holds.
        process.send("wake-up")
    process.stop()
    assert child_end.recv() == "wake-up"
    child_end.close()
    process.join(30)


def test_heartbeats_to_a_suspended_parent_are_dropped() -> None:
    receiver, sender = multiprocessing.Pipe()
    with sender:
        with receiver:
            for _ in range(10_000):  # More than the pipe holds.
                processes.send_heartbeat(sender)
            assert receiver.recv() is processes.HEARTBEAT
        processes.send_heartbeat(sender)


def test_a_process_gets_time_to_end(supervise: Callable[..., Supervision]) -> None:
    supervision = supervise(end_slowly)
    supervision.process.start()
    assert supervision.next_message() == "started"
    supervision.process.stop()
    assert supervision.next_message() == "stopping"
    supervision.process.stop()
    supervision.process.send("end")
    supervision.process.join(30)
    assert supervision.messages.empty()
    assert supervision.exit_codes.empty()


def test_a_process_that_does_not_end_is_killed(supervise: Callable[..., Supervision]) -> None:
    supervision = supervise(end_slowly, stop_seconds=0.1)
    supervision.process.start()
    assert supervision.next_message() == "started"
    started = time.monotonic()
    supervision.process.stop()
    supervision.process.join(30)
    assert time.monotonic() - started < 10
    assert supervision.next_message() == "stopping"


def test_a_process_that_is_stopped_first_does_not_start(
    supervise: Callable[..., Supervision],
) -> None:
    supervision = supervise(end_slowly)
    supervision.process.stop()
    supervision.process.kill()
    supervision.process.start()
    supervision.process.join(30)
    assert supervision.messages.empty()


def test_a_process_that_cannot_start_is_tried_again(
    supervise: Callable[..., Supervision], monkeypatch: pytest.MonkeyPatch
) -> None:
    errors = [OSError("No memory."), OSError("No memory.")]

    def start(work: processes.Work, *, is_daemon: bool) -> object:
        if errors:
            raise errors.pop()
        return start_child(work, is_daemon=is_daemon)

    monkeypatch.setattr(processes, "start_child", start)
    supervision = supervise(end_slowly)
    supervision.process.start()
    assert supervision.next_message() == "started"
    assert [supervision.exit_codes.get(), supervision.exit_codes.get()] == [None, None]
    supervision.process.stop()
    supervision.process.send("end")
    supervision.process.join(30)
