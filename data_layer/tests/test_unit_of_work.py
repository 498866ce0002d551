import sqlite3
import threading
from contextlib import ExitStack
from pathlib import Path
from typing import get_type_hints

import psycopg
import pytest
from sqlalchemy import event
from sqlalchemy.exc import ProgrammingError

from common.errors import Conflict, DatabaseFull, DatabaseUnavailable
from data_layer.database import Database
from data_layer.database_options import DatabaseOptions
from data_layer.entities.movie import MovieFacts
from data_layer.entities.movie_query import MovieQuery
from data_layer.ports.implementations import find_repositories
from data_layer.ports.unit_of_work import UnitOfWork, UnitOfWorkFactory
from data_layer.sql.backends.server_engines import LOCKS_AT_ONCE
from data_layer.sql.unit_of_work import SqlAlchemyUnitOfWork
from data_layer.testing.fakes.unit_of_work import FakeDatabase
from data_layer.tests.test_fetch_repositories import a_fetch

MOVIE = MovieFacts(title="Alien", imdb_id="tt0078748")


def count(unit_of_work: UnitOfWorkFactory) -> int | None:
    """Return the number of movies that a new transaction reads."""
    with unit_of_work(is_read_only=True) as uow:
        return uow.movies.list(MovieQuery(counts_total=True)).total


def test_stores_committed_changes(unit_of_work: UnitOfWorkFactory) -> None:
    with unit_of_work() as uow:
        uow.movies.add(MOVIE)
        uow.commit()
    assert count(unit_of_work) == 1


def test_rolls_back_when_not_committed(unit_of_work: UnitOfWorkFactory) -> None:
    with unit_of_work() as uow:
        uow.movies.add(MOVIE)
    assert count(unit_of_work) == 0


def test_rolls_back_on_an_error(unit_of_work: UnitOfWorkFactory) -> None:
    with pytest.raises(ZeroDivisionError), unit_of_work() as uow:
        uow.movies.add(MOVIE)
        raise ZeroDivisionError
    assert count(unit_of_work) == 0


def test_runs_effects_once_in_order_after_the_commit(unit_of_work: UnitOfWorkFactory) -> None:
    effects: list[object] = []
    with unit_of_work() as uow:
        uow.after_commit(lambda: effects.append(count(unit_of_work)))
        uow.after_commit(lambda: effects.append("second"))
        uow.movies.add(MOVIE)
        assert effects == []
        uow.commit()
        uow.commit()
    assert effects == [1, "second"]


def test_runs_no_effects_without_a_commit(unit_of_work: UnitOfWorkFactory) -> None:
    effects: list[str] = []
    with unit_of_work() as uow:
        uow.after_commit(lambda: effects.append("ran"))
    assert effects == []


def test_the_fake_rejects_a_commit_of_a_read_only_unit_of_work() -> None:
    with FakeDatabase()(is_read_only=True) as uow, pytest.raises(AssertionError, match="read-only"):
        uow.commit()


def test_raises_conflict_for_a_violated_constraint(database: Database) -> None:
    with pytest.raises(Conflict), database.unit_of_work() as uow:
        uow.fetches.add_many([a_fetch(1), a_fetch(1)])


def test_readers_do_not_wait_for_a_writer(database: Database) -> None:
    with database.unit_of_work() as writer:
        writer.movies.add(MOVIE)
        assert count(database.unit_of_work) == 0
        writer.commit()
    assert count(database.unit_of_work) == 1


def test_a_writer_waits_for_another_writer(database: Database) -> None:
    def write_another() -> None:
        with database.unit_of_work() as uow:
            uow.movies.add(MovieFacts(title="Brazil"))
            uow.commit()

    with database.unit_of_work() as uow:
        uow.movies.add(MOVIE)
        other = threading.Thread(target=write_another)
        other.start()
        uow.commit()
    other.join()
    assert count(database.unit_of_work) == 2


def test_a_lock_timeout_has_a_retry_delay(database: Database) -> None:
    url = database.engines.reading.url.render_as_string()
    impatient = Database(url, DatabaseOptions(lock_timeout_seconds=0))
    with database.unit_of_work() as holder:
        holder.movies.add(MOVIE)
        with pytest.raises(DatabaseUnavailable) as raised, impatient.unit_of_work() as uow:
            uow.movies.add(MovieFacts(title="Brazil"))
    impatient.close()
    assert raised.value.retry_after_seconds == 1


def test_a_failed_read_has_a_retry_delay(tmp_path: Path) -> None:
    empty = Database(f"sqlite:///{tmp_path / 'empty.db'}")
    with pytest.raises(DatabaseUnavailable) as raised:
        count(empty.unit_of_work)
    empty.close()
    assert raised.value.retry_after_seconds == 1
    nowhere = Database(f"sqlite:///{tmp_path / 'missing' / 'movies.db'}")
    with pytest.raises(DatabaseUnavailable, match="check DATABASE_URL"):
        count(nowhere.unit_of_work)


def test_a_full_file_rejects_writes_but_not_reads(database: Database) -> None:
    @event.listens_for(database.engines.reading, "connect")
    def limit_size(connection: sqlite3.Connection, _record: object) -> None:
        connection.execute(
            "PRAGMA max_page_count = 1"
        )  # SQLite raises the limit to the present size.

    stored = 0
    with pytest.raises(DatabaseFull, match="out of space"):
        for _ in range(100):
            with database.unit_of_work() as uow:
                uow.movies.add(MovieFacts(title="Long", plot="x" * 50_000))
                uow.commit()
            stored += 1
    assert count(database.unit_of_work) == stored


def test_a_repository_is_created_once(database: Database) -> None:
    with database.unit_of_work() as uow:
        assert uow.fetches is uow.fetches


@pytest.mark.parametrize("package", ["data_layer.sql", "data_layer.testing.fakes"])
def test_each_port_has_a_complete_implementation(package: str) -> None:
    ports = get_type_hints(UnitOfWork)
    repositories = find_repositories(package)
    assert repositories.keys() == ports.keys()
    for name, port in ports.items():
        for method in [each for each in vars(port) if not each.startswith("_")]:
            assert getattr(repositories[name], method) is not getattr(port, method), method


def test_does_not_translate_the_error_of_a_wrong_statement(postgresql_url: str) -> None:
    database = Database(postgresql_url)
    with (
        pytest.raises(psycopg.errors.UndefinedColumn),
        database.unit_of_work(is_read_only=True) as uow,
    ):
        uow.transaction.run("SELECT nope", ())  # type: ignore[attr-defined]  # Not part of the port.
    with pytest.raises(ProgrammingError), database.unit_of_work() as uow:
        uow.transaction.run("SELECT nope", ())  # type: ignore[attr-defined]  # Not part of the port.
    database.close()


def test_fails_when_all_connections_are_in_use(postgresql_url: str) -> None:
    options = DatabaseOptions(pool_size=1, connect_timeout_seconds=1)
    database = Database(postgresql_url, options)
    with ExitStack() as held:
        for _ in range(1 + LOCKS_AT_ONCE):
            held.enter_context(database.engines.reading.connect())
        with pytest.raises(DatabaseUnavailable, match="All database connections"):
            count(database.unit_of_work)
    assert count(database.unit_of_work) == 0
    database.close()


def test_documentation_names_the_repository_of_each_attribute() -> None:
    for name, port in get_type_hints(UnitOfWork).items():
        assert port.__name__ in vars(SqlAlchemyUnitOfWork)[name].__doc__
