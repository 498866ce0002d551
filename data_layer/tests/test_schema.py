import dataclasses
import datetime as dt
import hashlib
import os
import sqlite3
import subprocess
import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, insert, inspect, select, text

from common.errors import DatabaseBusy, DatabaseUnavailable, InvalidInput
from data_layer.database import Database
from data_layer.database_options import DatabaseOptions
from data_layer.entities.fetch import Fetch, FetchQuery, FetchState
from data_layer.entities.movie import MovieFacts
from data_layer.entities.session import Session
from data_layer.entities.user import User
from data_layer.sql import models, schema
from data_layer.sql.error_translation import translated_errors

pytestmark = pytest.mark.integration

ROOT = Path(__file__).parents[2]


def table_names(database: Database) -> set[str]:
    """Return the existing tables, without Alembic's own."""
    return set(inspect(database.engines.reading).get_table_names()) - {"alembic_version"}


def test_only_a_missing_file_fails_the_existence_check(
    any_database: Database, tmp_path: Path
) -> None:
    any_database.require_existing()
    with pytest.raises(InvalidInput, match=r"The SQLite file .*typo\.db does not exist"):
        Database(f"sqlite:///{tmp_path / 'typo.db'}").require_existing()


def test_migrations_run_up_down_and_up(any_database: Database) -> None:
    expected = set(models.Base.metadata.tables)
    assert table_names(any_database) == expected
    assert any_database.is_current()
    schema.downgrade(any_database.engines)
    assert table_names(any_database) == set()
    assert not any_database.is_current()
    any_database.migrate()
    assert table_names(any_database) == expected


def test_a_current_schema_needs_no_write_lock_to_migrate(database: Database) -> None:
    path = str(database.engines.writing.url.database)
    options = DatabaseOptions(lock_timeout_seconds=1)
    with closing(sqlite3.connect(path, isolation_level=None)) as importing:
        importing.execute("BEGIN IMMEDIATE")
        with closing(Database(f"sqlite:///{path}", options)) as starting:
            starting.migrate()
            starting.require_readable()
            with pytest.raises(DatabaseBusy):
                starting.require_writable()


def test_models_and_migrations_match(any_database: Database) -> None:
    with any_database.engines.reading.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, models.Base.metadata) == []


def test_concurrent_processes_migrate_once(any_database: Database) -> None:
    schema.downgrade(any_database.engines)
    url = any_database.engines.writing.url.render_as_string(hide_password=False)
    databases = [Database(url) for _ in range(8)]
    with ThreadPoolExecutor(len(databases)) as pool:
        list(pool.map(Database.migrate, databases))
    assert any_database.is_current()
    for database in databases:
        database.close()


def columns(database: Database) -> dict[tuple[str, str], tuple[str, bool]]:
    """Return type and whether a value is required, for each column."""
    inspector = inspect(database.engines.reading)
    return {
        (table, column["name"]): (
            str(column["type"]),
            not column["nullable"] and column["default"] is None,
        )
        for table in table_names(database)
        for column in inspector.get_columns(table)
    }


def unique_names(database: Database, tables: set[str]) -> set[str | None]:
    """Return the constraints of these tables that can reject rows."""
    inspector = inspect(database.engines.reading)
    return {
        constraint["name"]
        for table in tables
        for constraint in [
            *inspector.get_unique_constraints(table),
            *inspector.get_foreign_keys(table),
            *(index for index in inspector.get_indexes(table) if index["unique"]),
        ]
    }


def test_the_newest_migration_is_compatible_with_the_previous_version(
    any_database: Database,
) -> None:
    schema.downgrade(any_database.engines, "-1")
    before, tables_before = columns(any_database), table_names(any_database)
    constraints_before = unique_names(any_database, tables_before)
    any_database.migrate()
    after = columns(any_database)
    assert {column: after[column] for column in before} == before
    new_in_old = {column for column in after.keys() - before.keys() if column[0] in tables_before}
    assert not any(after[column][1] for column in new_in_old), "A new column needs a default."
    assert unique_names(any_database, tables_before) <= constraints_before


def add_seeds(connection: Connection, states: Mapping[str, str]) -> None:
    """Store seeds as the schema 1004 has them, from states by IMDb id."""
    rows = [
        {"position": position, "imdb_id": imdb_id, "title": "One", "state": state}
        for position, (imdb_id, state) in enumerate(states.items())
    ]
    connection.execute(insert(models.SEEDS), rows)


def test_seeds_become_fetches(any_database: Database) -> None:
    schema.downgrade(any_database.engines, "1004")
    states = {"tt0000003": "stored", "tt0000001": "failed", "tt0000002": "pending"}
    with any_database.engines.writing.begin() as connection:
        add_seeds(connection, states)
    any_database.migrate()
    with any_database.unit_of_work() as uow:
        seeds = uow.fetches.list_seeds()
    assert [(seed.imdb_id, seed.state) for seed in seeds] == [
        ("tt0000003", FetchState.FETCHED),
        ("tt0000001", FetchState.NOT_FOUND),
        ("tt0000002", FetchState.FAILED),
    ]
    assert seeds[0].deduplication_key == hashlib.sha256(b"tt0000003").digest()


def test_an_open_fetch_of_the_same_movie_becomes_the_seed(any_database: Database) -> None:
    states = {"tt0000003": "stored", "tt0000001": "failed", "tt0000002": "pending"}
    now = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    with any_database.unit_of_work() as uow:
        opened = uow.fetches.add_many(
            [
                Fetch(
                    deduplication_key=hashlib.sha256(imdb_id.encode()).digest(),
                    imdb_id=imdb_id,
                    created_at=now,
                    due_at=now,
                )
                for imdb_id in (*states, "tt0000004")
            ]
        )
        uow.commit()
    schema.downgrade(any_database.engines, "1004")
    with any_database.engines.writing.begin() as connection:
        add_seeds(connection, states)
    any_database.migrate()
    with any_database.unit_of_work() as uow:
        assert uow.fetches.list_seeds() == tuple(
            dataclasses.replace(fetch, is_seed=True) for fetch in opened[:3]
        )
        assert uow.fetches.list(FetchQuery())[0] == opened[3]


def test_an_interrupted_migration_is_repeated_on_mariadb(mariadb_url: str) -> None:
    database = Database(mariadb_url)
    database.migrate()
    with database.engines.writing.begin() as connection:  # As if killed before each version.
        schema.set_version(connection, "1002")
    database.migrate()
    assert database.is_current()
    with database.engines.writing.begin() as connection:
        connection.execute(text("DROP TABLE alembic_version"))
    database.migrate()
    assert database.is_current()
    database.close()


def test_sessions_survive_the_columns_of_their_refreshes(any_database: Database) -> None:
    now = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    session = Session(
        id="1" * 32,
        username="ann",
        refresh_hash=b"\1" * 32,
        address="192.0.2.1",
        created_at=now,
        expires_at=now,
    )
    with any_database.unit_of_work() as uow:
        uow.users.add(User(username="ann", password_hash="x", scopes=frozenset(), created_at=now))
        uow.sessions.add(session)
        uow.commit()
    schema.downgrade(any_database.engines, "1005")
    any_database.migrate()
    with any_database.unit_of_work() as uow:
        assert uow.sessions.find(session.id) == session


def test_migrations_are_numbered_consecutively() -> None:
    scripts = ScriptDirectory.from_config(Config(ROOT / "alembic.ini"))
    revisions = [script.revision for script in scripts.walk_revisions()][::-1]
    assert revisions == [f"{number:04}" for number in range(1001, 1001 + len(revisions))]


def test_an_older_version_works_on_a_newer_schema(any_database: Database) -> None:
    with any_database.engines.writing.begin() as connection:
        schema.set_version(connection, "9999")
    any_database.migrate()
    assert any_database.is_current()
    with any_database.unit_of_work() as uow:
        uow.movies.add(MovieFacts(title="Alien"))
        uow.commit()
    with any_database.engines.reading.connect() as connection:
        assert schema.version_of(connection) == "9999"


def test_rejects_a_database_of_a_development_version(any_database: Database) -> None:
    with any_database.engines.writing.begin() as connection:
        schema.set_version(connection, "0006")
    with pytest.raises(DatabaseUnavailable, match=r"schema 0006.*export.*DATABASE_URL.*import"):
        any_database.migrate()
    assert not any_database.is_current()


@pytest.mark.parametrize("kind", ["postgresql", "mariadb"])
def test_statement_timeouts_do_not_apply_to_migrations(
    kind: str, request: pytest.FixtureRequest
) -> None:
    options = DatabaseOptions(statement_timeout_seconds=1)
    database = Database(request.getfixturevalue(f"{kind}_url"), options)
    sleep = text("SELECT pg_sleep(1.2)" if kind == "postgresql" else "SELECT sleep(1.2)")

    def run_slowly() -> None:
        with translated_errors(), database.engines.writing.begin() as connection:
            connection.execute(sleep)

    with pytest.raises(DatabaseUnavailable, match="timed out"):
        run_slowly()
    with (
        database.engines.writing.begin() as connection,
        database.endpoint.backend.without_timeouts(connection),
    ):
        connection.execute(sleep)
    with pytest.raises(DatabaseUnavailable, match="timed out"):
        run_slowly()
    database.close()


def test_an_older_schema_is_not_current(any_database: Database) -> None:
    schema.downgrade(any_database.engines, "-1")
    assert not any_database.is_current()


def test_the_alembic_command_uses_the_database_of_the_settings(tmp_path: Path) -> None:
    path = tmp_path / "movies.db"
    subprocess.run(
        [sys.executable, "-m", "alembic", "upgrade", "head"],
        cwd=ROOT,
        env=os.environ | {"DATABASE_URL": f"sqlite:///{path}"},
        check=True,
        capture_output=True,
    )
    with sqlite3.connect(path) as connection:
        assert connection.execute("SELECT count(*) FROM movies").fetchone() == (0,)
    connection.close()


def test_reports_a_missing_folder(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'missing' / 'movies.db'}")
    with pytest.raises(DatabaseUnavailable, match="DATABASE_URL"):
        database.migrate()


def test_reports_a_file_that_is_not_a_database(tmp_path: Path) -> None:
    path = tmp_path / "movies.db"
    path.write_text("These are not the bytes you are looking for. " * 100)
    database = Database(f"sqlite:///{path}")
    with pytest.raises(DatabaseUnavailable):
        database.migrate()


def test_a_lock_has_one_holder_at_a_time(any_database: Database) -> None:
    with any_database.try_lock("seeding") as first, any_database.try_lock("seeding") as second:
        assert (first, second) == (True, False)
        with any_database.try_lock("something-else") as other:
            assert other
    with any_database.try_lock("seeding") as again:
        assert again


def test_removes_people_and_genres_that_no_other_movie_has(database: Database) -> None:
    def names(table: type[models.Person | models.Genre]) -> set[str]:
        with database.engines.reading.connect() as connection:
            return set(connection.scalars(select(table.name)))

    with database.unit_of_work() as uow:
        first = uow.movies.add(MovieFacts(title="A", cast=("Ann", "Bob"), genres=("Drama",)))
        uow.movies.add(MovieFacts(title="B", directors=("Bob",), genres=("Drama", "Western")))
        uow.commit()
    with database.unit_of_work() as uow:
        uow.movies.remove(first.id)
        uow.commit()
    assert names(models.Person) == {"Bob"}
    assert names(models.Genre) == {"Drama", "Western"}
