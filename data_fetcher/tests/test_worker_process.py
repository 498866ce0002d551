"""The worker in a process of its own."""

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
from data_fetcher.bootstrap import EMULATOR_KEY, Address
from data_fetcher.embedded_worker import _stand_back, work_for_service
from data_fetcher.fetch_queue.deduplication_key import Wisher
from data_fetcher.fetch_queue.queue import Fetches
from data_fetcher.omdb.lookups import ImdbWish
from data_fetcher.seeding.config import load_fetcher_config
from data_fetcher.workers.worker_process import RING, WorkerBeside
from data_layer.database import Database
from data_layer.entities.fetch import FetchState

pytestmark = pytest.mark.integration

NOBODY = Address("http://127.0.0.1:9/", EMULATOR_KEY)
"""Nobody answers there."""


def wait_until(condition: Callable[[], bool]) -> None:
    """Look until it holds."""
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def count_rings(line: Connection) -> None:
    """Say how often the bell was rung; die at the third time."""
    for number in range(1, 4):
        if line.recv() != RING:
            return
        line.send(Counter(rings=number))
    os._exit(3)


def test_a_worker_hears_the_bell_and_ends_when_it_is_told() -> None:
    worker = WorkerBeside(count_rings)
    worker.ring()  # Nobody is there yet.
    worker.start()
    while worker.attempts["rings"] < 2:
        worker.ring()
        time.sleep(0.1)
    worker.stop()
    worker.join(20)
    worker.ring()
    worker.stop()
    assert worker.attempts["rings"] >= 2


def test_another_worker_follows_one_that_has_died(capsys: pytest.CaptureFixture[str]) -> None:
    worker = WorkerBeside(count_rings)
    worker.start()
    while worker.attempts["rings"] < 4:
        worker.ring()
        time.sleep(0.1)
    worker.stop()
    worker.join(20)
    shown = capsys.readouterr().out
    assert "the worker has died; another one follows" in shown
    assert "exit_code=3" in shown


def test_a_worker_that_is_told_before_it_begins_does_not_begin() -> None:
    worker = WorkerBeside(count_rings)
    worker.stop()
    worker.start()
    worker.join(20)
    assert worker.attempts == Counter()


def test_a_worker_that_is_told_while_it_begins_ends() -> None:
    worker = WorkerBeside(count_rings)
    worker.start()
    worker.stop()
    worker.join(20)
    assert worker.attempts == Counter()


def work_and_say_who(database_url: str, who: Path, line: Connection) -> None:
    """Work for a service whose OMDb is away."""
    who.write_text(str(os.getpid()))
    settings = Settings(database_url=database_url)
    work_for_service(settings, load_fetcher_config(), NOBODY, line)


@pytest.mark.parametrize("is_told_by_signal", [False, True])
def test_the_worker_of_the_service_fetches_until_it_is_told(
    database: Database, tmp_path: Path, *, is_told_by_signal: bool
) -> None:
    who, database_url = tmp_path / "who", f"sqlite:///{tmp_path / 'movies.db'}"
    worker = WorkerBeside(partial(work_and_say_who, database_url, who))
    (wish,) = Fetches(database.unit_of_work).wish([ImdbWish("tt0078748")], Wisher())
    worker.start()
    wait_until(lambda: worker.attempts.total() > 0)
    if is_told_by_signal:
        os.kill(int(who.read_text()), signal.SIGTERM)
    worker.stop()
    worker.join(20)
    fetch = Fetches(database.unit_of_work).get(wish.known_id)
    assert (fetch.state, fetch.lease) == (FetchState.FAILED, None)


@pytest.mark.parametrize("others", [0, 1_000_000])
def test_a_worker_stands_back_behind_those_who_answer(others: int) -> None:
    found: list[tuple[int, int]] = []

    def stand_back() -> None:
        _stand_back(others)
        itself = threading.get_native_id()
        found.append((os.sched_getscheduler(itself), os.getpriority(os.PRIO_PROCESS, itself)))

    thread = threading.Thread(target=stand_back)
    thread.start()
    thread.join()
    assert found == [(os.SCHED_OTHER, 10) if others else (os.SCHED_IDLE, 0)]
