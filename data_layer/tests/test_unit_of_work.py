import sqlite3
import threading
from contextlib import ExitStack
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import event
from sqlalchemy.exc import ProgrammingError

from common.errors import Conflict, DatabaseFull, DatabaseUnavailable
from data_layer.database import Database
from data_layer.database_options import DatabaseOptions
from data_layer.entities.movie import MovieFacts
from data_layer.entities.movie_query import MovieQuery
from data_layer.entities.seed import Seed
from data_layer.ports.unit_of_work import UnitOfWorkFactory
from data_layer.sql.backends.server_engines import LOCKS_AT_ONCE
from data_layer.testing.fakes.unit_of_work import FakeDatabase

FILM = MovieFacts(title="Alien", imdb_id="tt0078748")


def count(unit_of_work: UnitOfWorkFactory) -> int | None:
    """How many films a new transaction sees."""
    with unit_of_work(is_read_only=True) as uow:
        return uow.movies.list(MovieQuery(counts_total=True)).total


def test_keeps_what_is_committed(unit_of_work: UnitOfWorkFactory) -> None:
    with unit_of_work() as uow:
        uow.movies.add(FILM)
        uow.commit()
    assert count(unit_of_work) == 1


def test_rolls_back_when_not_committed(unit_of_work: UnitOfWorkFactory) -> None:
    with unit_of_work() as uow:
        uow.movies.add(FILM)
    assert count(unit_of_work) == 0


def test_rolls_back_on_an_error(unit_of_work: UnitOfWorkFactory) -> None:
    with pytest.raises(ZeroDivisionError), unit_of_work() as uow:
        uow.movies.add(FILM)
        raise ZeroDivisionError
    assert count(unit_of_work) == 0


def test_effects_run_once_in_order_and_after_the_commit(unit_of_work: UnitOfWorkFactory) -> None:
    effects: list[object] = []
    with unit_of_work() as uow:
        uow.after_commit(lambda: effects.append(count(unit_of_work)))
        uow.after_commit(lambda: effects.append("second"))
        uow.movies.add(FILM)
        assert effects == []
        uow.commit()
        uow.commit()
    assert effects == [1, "second"]


def test_effects_do_not_run_without_a_commit(unit_of_work: UnitOfWorkFactory) -> None:
    effects: list[str] = []
    with unit_of_work() as uow:
        uow.after_commit(lambda: effects.append("ran"))
    assert effects == []


def test_the_fake_finds_who_breaks_a_promise() -> None:
    with FakeDatabase()(is_read_only=True) as uow, pytest.raises(AssertionError, match="read only"):
        uow.commit()


def test_a_broken_constraint_is_a_conflict(database: Database) -> None:
    with pytest.raises(Conflict), database.unit_of_work() as uow:
        uow.seeds.add_many([Seed("tt0000001", "One"), Seed("tt0000001", "One again")])


def test_readers_do_not_wait_for_a_writer(database: Database) -> None:
    with database.unit_of_work() as writer:
        writer.movies.add(FILM)
        assert count(database.unit_of_work) == 0
        writer.commit()
    assert count(database.unit_of_work) == 1


def test_a_writer_waits_for_another_one(database: Database) -> None:
    def write_another() -> None:
        with database.unit_of_work() as uow:
            uow.movies.add(MovieFacts(title="Brazil"))
            uow.commit()

    with database.unit_of_work() as uow:
        uow.movies.add(FILM)
        other = threading.Thread(target=write_another)
        other.start()
        uow.commit()
    other.join()
    assert count(database.unit_of_work) == 2


def test_a_writer_that_waits_too_long_says_when_to_try_again(
    database: Database,
) -> None:
    url = database.engines.reading.url.render_as_string()
    impatient = Database(url, DatabaseOptions(lock_timeout_seconds=0))
    with database.unit_of_work() as holder:
        holder.movies.add(FILM)
        with pytest.raises(DatabaseUnavailable) as raised, impatient.unit_of_work() as uow:
            uow.movies.add(MovieFacts(title="Brazil"))
    impatient.close()
    assert raised.value.retry_after_seconds == 1


def test_a_read_that_fails_says_when_to_try_again(tmp_path: Path) -> None:
    empty = Database(f"sqlite:///{tmp_path / 'empty.db'}")
    with pytest.raises(DatabaseUnavailable) as raised:
        count(empty.unit_of_work)
    empty.close()
    assert raised.value.retry_after_seconds == 1
    nowhere = Database(f"sqlite:///{tmp_path / 'missing' / 'movies.db'}")
    with pytest.raises(DatabaseUnavailable, match="check DATABASE_URL"):
        count(nowhere.unit_of_work)


def test_a_full_file_is_said_and_reads_go_on(database: Database) -> None:
    @event.listens_for(database.engines.reading, "connect")
    def bound(connection: sqlite3.Connection, _record: object) -> None:
        connection.execute("PRAGMA max_page_count = 1")  # As many as there are: no more.

    stored = 0
    with pytest.raises(DatabaseFull, match="no room"):
        for _ in range(100):
            with database.unit_of_work() as uow:
                uow.movies.add(MovieFacts(title="Long", plot="x" * 50_000))
                uow.commit()
            stored += 1
    assert count(database.unit_of_work) == stored


def test_a_wrong_statement_is_our_fault_and_not_the_databases(postgresql_url: str) -> None:
    database = Database(postgresql_url)
    with (
        pytest.raises(psycopg.errors.UndefinedColumn),
        database.unit_of_work(is_read_only=True) as uow,
    ):
        uow._run_on_driver("SELECT nope", ())  # type: ignore[attr-defined]  # Behind the port.
    with pytest.raises(ProgrammingError), database.unit_of_work() as uow:
        uow._run_in_session("SELECT nope", ())  # type: ignore[attr-defined]  # Behind the port.
    database.close()


def test_no_more_connections_than_the_pool_has_are_waited_for(postgresql_url: str) -> None:
    options = DatabaseOptions(pool_size=1, connect_timeout_seconds=1)
    database = Database(postgresql_url, options)
    with ExitStack() as held:
        for _ in range(1 + LOCKS_AT_ONCE):
            held.enter_context(database.engines.reading.connect())
        with pytest.raises(DatabaseUnavailable, match="Every connection"):
            count(database.unit_of_work)
    assert count(database.unit_of_work) == 0
    database.close()
