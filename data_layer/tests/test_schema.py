import os
import sqlite3
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import inspect, select, text

from common.errors import DatabaseUnavailable, InvalidInput
from data_layer.database import Database
from data_layer.database_options import DatabaseOptions
from data_layer.entities.movie import MovieFacts
from data_layer.sql import models, schema
from data_layer.sql.error_translation import translated_errors

pytestmark = pytest.mark.integration

ROOT = Path(__file__).parents[2]


def table_names(database: Database) -> set[str]:
    """The tables that there are, without Alembic's own."""
    return set(inspect(database.engines.reading).get_table_names()) - {"alembic_version"}


def test_only_a_file_that_is_not_there_is_misspelt(any_database: Database, tmp_path: Path) -> None:
    any_database.require_existing()
    with pytest.raises(InvalidInput, match="no such SQLite file"):
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


def test_models_and_migrations_do_not_drift(any_database: Database) -> None:
    with any_database.engines.reading.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, models.Base.metadata) == []


def test_processes_that_start_together_migrate_once(any_database: Database) -> None:
    schema.downgrade(any_database.engines)
    url = any_database.engines.writing.url.render_as_string(hide_password=False)
    databases = [Database(url) for _ in range(8)]
    with ThreadPoolExecutor(len(databases)) as pool:
        list(pool.map(Database.migrate, databases))
    assert any_database.is_current()
    for database in databases:
        database.close()


def columns(database: Database) -> dict[tuple[str, str], tuple[str, bool]]:
    """Type, and whether it has to be given, of each column."""
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
    """What forbids rows of these tables that were allowed without it."""
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


def test_the_newest_migration_takes_nothing_from_the_program_before_it(
    any_database: Database,
) -> None:
    schema.downgrade(any_database.engines, "-1")
    before, tables_before = columns(any_database), table_names(any_database)
    forbidding = unique_names(any_database, tables_before)
    any_database.migrate()
    after = columns(any_database)
    assert {column: after[column] for column in before} == before
    new_in_old = {column for column in after.keys() - before.keys() if column[0] in tables_before}
    assert not any(after[column][1] for column in new_in_old), "What is new has to have a default."
    assert unique_names(any_database, tables_before) <= forbidding


def test_migrations_are_numbered_so_that_a_program_knows_a_newer_one() -> None:
    scripts = ScriptDirectory.from_config(Config(ROOT / "alembic.ini"))
    revisions = [script.revision for script in scripts.walk_revisions()][::-1]
    assert revisions == [f"{number:04}" for number in range(1, len(revisions) + 1)]


def test_an_older_program_works_on_the_schema_of_a_newer_one(any_database: Database) -> None:
    with any_database.engines.writing.begin() as connection:
        schema.set_version(connection, "9999")
    any_database.migrate()
    assert any_database.is_current()
    with any_database.unit_of_work() as uow:
        uow.movies.add(MovieFacts(title="Alien"))
        uow.commit()
    with any_database.engines.reading.connect() as connection:
        assert schema.version_of(connection) == "9999"


@pytest.mark.parametrize("kind", ["postgresql", "mariadb"])
def test_a_migration_may_take_longer_than_other_statements(
    kind: str, request: pytest.FixtureRequest
) -> None:
    options = DatabaseOptions(statement_timeout_seconds=1)
    database = Database(request.getfixturevalue(f"{kind}_url"), options)
    sleep = text("SELECT pg_sleep(1.2)" if kind == "postgresql" else "SELECT sleep(1.2)")

    def run_slowly() -> None:
        with translated_errors(), database.engines.writing.begin() as connection:
            connection.execute(sleep)

    with pytest.raises(DatabaseUnavailable, match="too long"):
        run_slowly()
    with (
        database.engines.writing.begin() as connection,
        database.home.backend.unlimited(connection),
    ):
        connection.execute(sleep)
    with pytest.raises(DatabaseUnavailable, match="too long"):
        run_slowly()
    database.close()


def test_a_program_does_not_work_on_an_older_schema(any_database: Database) -> None:
    schema.downgrade(any_database.engines, "-1")
    assert not any_database.is_current()


def test_the_alembic_command_works_on_the_database_of_the_settings(tmp_path: Path) -> None:
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


def test_a_folder_that_is_missing_is_a_sentence(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'missing' / 'movies.db'}")
    with pytest.raises(DatabaseUnavailable, match="DATABASE_URL"):
        database.migrate()


def test_a_file_that_is_no_database_is_a_sentence(tmp_path: Path) -> None:
    path = tmp_path / "movies.db"
    path.write_text("These are not the bytes you are looking for. " * 100)
    database = Database(f"sqlite:///{path}")
    with pytest.raises(DatabaseUnavailable):
        database.migrate()


def test_a_lock_is_held_by_one_at_a_time(any_database: Database) -> None:
    with any_database.try_lock("seeding") as first, any_database.try_lock("seeding") as second:
        assert (first, second) == (True, False)
        with any_database.try_lock("something-else") as other:
            assert other
    with any_database.try_lock("seeding") as again:
        assert again


def test_a_removed_film_takes_along_what_only_it_needs(database: Database) -> None:
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
