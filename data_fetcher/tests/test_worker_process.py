"""Tests of the worker process and its supervision."""

import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from common.settings import Settings
from data_fetcher.bootstrap import EMULATOR_KEY, OmdbEndpoint
from data_fetcher.embedded_worker import _lower_priority, run_embedded_worker
from data_fetcher.fetch_queue.deduplication_key import Requester
from data_fetcher.fetch_queue.queue import FetchQueue
from data_fetcher.omdb.lookups import ImdbIdLookup
from data_fetcher.seeding.config import load_fetcher_config
from data_fetcher.workers.worker_process import WAKE_UP, WorkerProcess
from data_layer.database import Database
from data_layer.entities.fetch import FetchState

pytestmark = pytest.mark.integration

UNREACHABLE = OmdbEndpoint("http://127.0.0.1:9/", EMULATOR_KEY)
"""Endpoint on which no server listens."""


def wait_until(condition: Callable[[], bool]) -> None:
    """Poll until the condition holds."""
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def count_wake_ups(connection: Connection) -> None:
    """Report each wake-up as a request; crash after the third."""
    for _ in range(3):
        assert connection.recv() == WAKE_UP
        connection.send(Counter(wake_ups=1))
    os._exit(3)


def test_a_worker_is_woken_and_ends_when_stopped() -> None:
    worker = WorkerProcess(count_wake_ups)
    worker.wake_up()  # The process has not started yet.
    worker.start()
    while worker.attempts["wake_ups"] < 2:
        worker.wake_up()
        time.sleep(0.1)
    worker.stop()
    worker.join(20)
    worker.wake_up()
    worker.stop()
    assert worker.attempts["wake_ups"] >= 2


def test_a_worker_that_crashes_is_restarted(capsys: pytest.CaptureFixture[str]) -> None:
    worker = WorkerProcess(count_wake_ups)
    worker.start()
    while worker.attempts["wake_ups"] < 4:
        worker.wake_up()
        time.sleep(0.1)
    worker.stop()
    worker.join(20)
    log = capsys.readouterr().out
    assert "worker_process_restarted" in log
    assert "exit_code=3" in log


def test_a_worker_that_is_stopped_first_does_not_start() -> None:
    worker = WorkerProcess(count_wake_ups)
    worker.stop()
    worker.start()
    worker.join(20)
    assert worker.attempts == Counter()


def test_a_worker_that_is_stopped_during_its_start_ends() -> None:
    worker = WorkerProcess(count_wake_ups)
    worker.start()
    worker.stop()
    worker.join(20)
    assert worker.attempts == Counter()


def run_worker(database_url: str, pid_file: Path, connection: Connection) -> None:
    """Run the embedded worker with an unreachable OMDb, and write its process id to a file."""
    pid_file.write_text(str(os.getpid()))
    settings = Settings(database_url=database_url)
    run_embedded_worker(settings, load_fetcher_config(), UNREACHABLE, connection)


@pytest.mark.parametrize("is_signalled", [False, True])
def test_the_embedded_worker_fetches_until_it_is_stopped(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, is_signalled: bool
) -> None:
    # On a busy machine its priority leaves it little processor time.
    monkeypatch.setattr("data_fetcher.workers.worker_process.STOP_SECONDS", 60)
    pid_file, database_url = tmp_path / "pid", f"sqlite:///{tmp_path / 'movies.db'}"
    worker = WorkerProcess(partial(run_worker, database_url, pid_file))
    (queued,) = FetchQueue(database.unit_of_work).enqueue([ImdbIdLookup("tt0078748")], Requester())
    worker.start()
    wait_until(lambda: worker.attempts.total() > 0)
    if is_signalled:
        os.kill(int(pid_file.read_text()), signal.SIGTERM)
    worker.stop()
    worker.join(60)
    fetch = FetchQueue(database.unit_of_work).get(queued.known_id)
    assert (fetch.state, fetch.lease_holder) == (FetchState.FAILED, None)


@pytest.mark.parametrize("server_processes", [0, 1_000_000])
def test_a_worker_has_a_lower_priority_than_server_processes(server_processes: int) -> None:
    priorities: list[tuple[int, int]] = []

    def lower_priority() -> None:
        _lower_priority(server_processes)
        thread_id = threading.get_native_id()
        scheduler = os.sched_getscheduler(thread_id)
        priorities.append((scheduler, os.getpriority(os.PRIO_PROCESS, thread_id)))

    thread = threading.Thread(target=lower_priority)
    thread.start()
    thread.join()
    assert priorities == [(os.SCHED_OTHER, 10) if server_processes else (os.SCHED_IDLE, 0)]
