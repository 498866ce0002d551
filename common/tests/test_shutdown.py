import asyncio
import os
import queue
import signal
import subprocess
import sys
import threading

import pytest

from common.cli.signals import handled_signals, shutdown_on_signals
from common.shutdown import ShutdownSignal, force_exit_after


def test_allows_a_running_transaction_and_a_thread_some_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = 100.0
    monkeypatch.setattr("time.monotonic", lambda: now)
    shutdown = ShutdownSignal()
    assert (shutdown.is_set(), shutdown.is_deadline_exceeded()) == (False, False)
    shutdown.trigger()
    assert (shutdown.is_set(), shutdown.is_deadline_exceeded()) == (True, False)
    assert shutdown.seconds_left() == 7
    now = 106.5
    shutdown.trigger()
    assert shutdown.is_deadline_exceeded()
    assert shutdown.seconds_left() == 0.5
    now = 200.0
    assert shutdown.seconds_left() == 0


def test_ends_waits_in_a_thread_and_an_event_loop() -> None:
    shutdown = ShutdownSignal()
    thread = threading.Thread(target=shutdown.wait_in_thread, args=[60])
    thread.start()

    async def scenario() -> None:
        asyncio.get_running_loop().run_in_executor(None, shutdown.trigger)
        async with asyncio.timeout(20):
            await shutdown.wait(60)

    asyncio.run(scenario())
    thread.join(20)
    assert not thread.is_alive()


def test_waits_end_after_their_time() -> None:
    async def scenario() -> None:
        shutdown = ShutdownSignal()
        for _ in range(2):
            await shutdown.wait(0.01)
        shutdown.wait_in_thread(0.01)
        assert not shutdown.is_set()

    asyncio.run(scenario())


def test_calls_each_callback_once_in_the_event_loop() -> None:
    shutdown = ShutdownSignal()
    threads: list[threading.Thread] = []

    def note_thread() -> None:
        threads.append(threading.current_thread())

    async def scenario() -> None:
        shutdown.on_shutdown(note_thread)
        await asyncio.to_thread(shutdown.trigger)
        shutdown.trigger()
        shutdown.on_shutdown(note_thread)
        await asyncio.sleep(0.01)

    asyncio.run(scenario())
    assert threads == [threading.main_thread()] * 2


def test_ignores_an_event_loop_that_has_ended() -> None:
    shutdown = ShutdownSignal()

    async def scenario() -> None:
        shutdown.on_shutdown(lambda: None)

    asyncio.run(scenario())
    shutdown.trigger()
    assert shutdown.is_set()


def test_distinguishes_the_first_signal_from_further_ones() -> None:
    calls: list[str] = []
    before = signal.getsignal(signal.SIGTERM)
    with handled_signals(lambda: calls.append("first"), lambda: calls.append("further")):
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGTERM):
            signal.raise_signal(number)
    assert calls == ["first", "further", "further"]
    assert signal.getsignal(signal.SIGTERM) is before


def test_the_first_signal_triggers_the_shutdown(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    forced: list[tuple[float, int]] = []
    monkeypatch.setattr(
        "common.cli.signals.force_exit_after", lambda *arguments: forced.append(arguments)
    )
    with shutdown_on_signals(0) as shutdown:
        assert not shutdown.is_set()
        os.kill(os.getpid(), signal.SIGINT)
        assert shutdown.is_set()
    assert forced == [(7.5, 0)]
    assert capfd.readouterr().err == "Stopping worker. Press once more to exit at once.\n"


def test_a_forced_exit_has_the_given_code(monkeypatch: pytest.MonkeyPatch) -> None:
    exit_codes: queue.Queue[int] = queue.Queue()
    monkeypatch.setattr("os._exit", exit_codes.put)
    force_exit_after(0.01, 7)
    assert exit_codes.get(timeout=20) == 7


@pytest.mark.integration
def test_a_second_signal_ends_the_process_at_once() -> None:
    program = """
import signal
from common.cli.signals import shutdown_on_signals
with shutdown_on_signals(forced_exit_code=9):
    signal.raise_signal(signal.SIGINT)
    signal.raise_signal(signal.SIGTERM)
"""
    done = subprocess.run([sys.executable, "-c", program], check=False)
    assert done.returncode == 130
