"""The worker in a thread of its own."""

import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import NoReturn

import pytest

from data_fetcher.fetching.bell import Bell
from data_fetcher.fetching.fetches import Fetches
from data_fetcher.fetching.wishes import Wisher
from data_fetcher.omdb.care import Purpose
from data_fetcher.omdb.wish import ImdbWish, Wish
from data_fetcher.worker.beside import WorkerBeside
from data_fetcher.worker.worker import FetchWorker, Source
from data_layer.database import Database
from data_layer.entities.fetch import FetchState
from data_layer.entities.movie import MovieFacts

pytestmark = pytest.mark.integration


class Omdb:
    """Has every film, and says in which thread it was asked."""

    def __init__(self) -> None:
        self.threads: set[str] = set()

    async def __call__(self, wish: Wish, _purpose: Purpose) -> MovieFacts:
        self.threads.add(threading.current_thread().name)
        assert isinstance(wish, ImdbWish)
        return MovieFacts(title="A film", imdb_id=wish.imdb_id)

    def pause_seconds(self, _purpose: Purpose) -> float:
        return 0


def opening(database: Database, omdb: Omdb, began: threading.Event) -> Callable[[], object]:
    @asynccontextmanager
    async def open_worker() -> AsyncIterator[FetchWorker]:
        bell = Bell()
        began.set()
        yield FetchWorker(
            Fetches(database.unit_of_work), Source(omdb, omdb, 2), bell, poll_seconds=60
        )

    return open_worker


def test_a_worker_hears_the_bell_and_ends_when_it_is_told(database: Database) -> None:
    omdb, began, fetches = Omdb(), threading.Event(), Fetches(database.unit_of_work)
    worker = WorkerBeside(opening(database, omdb, began))  # type: ignore[arg-type]  # It opens one.
    worker.ring()
    worker.start()
    assert began.wait(20)
    fetches.wish([ImdbWish("tt0078748")], Wisher())
    while fetches.counts().get(FetchState.FETCHED) != 1:
        worker.ring()
    worker.stop()
    worker.join(20)
    worker.ring()
    worker.stop()
    assert omdb.threads == {"fetch worker"}


def test_a_worker_that_is_told_before_it_begins_does_not_begin(database: Database) -> None:
    omdb = Omdb()
    worker = WorkerBeside(opening(database, omdb, threading.Event()))  # type: ignore[arg-type]  # It opens one.
    Fetches(database.unit_of_work).wish([ImdbWish("tt0078748")], Wisher())
    worker.stop()
    worker.start()
    worker.join(20)
    assert Fetches(database.unit_of_work).counts() == {FetchState.QUEUED: 1}


def test_a_worker_that_can_not_begin_is_told_of(capsys: pytest.CaptureFixture[str]) -> None:
    def open_nothing() -> NoReturn:
        raise ValueError("Nothing works.")

    worker = WorkerBeside(open_nothing)
    worker.start()
    worker.join(20)
    assert "the worker has ended" in capsys.readouterr().out
