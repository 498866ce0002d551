"""The data layer's two homes: memory, and a real SQLite file made by the migrations."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from data_layer.database import Database
from data_layer.fake.unit_of_work import FakeDatabase
from data_layer.ports.unit_of_work import UnitOfWorkFactory


@pytest.fixture(scope="session")
def migrated_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty catalogue, to be copied."""
    path = tmp_path_factory.mktemp("template") / "movies.db"
    database = Database(f"sqlite:///{path}")
    database.migrate()
    database.close()
    return path


@pytest.fixture
def database(migrated_file: Path, tmp_path: Path) -> Iterator[Database]:
    """An empty catalogue on SQLite."""
    path = tmp_path / "movies.db"
    shutil.copy(migrated_file, path)
    database = Database(f"sqlite:///{path}")
    yield database
    database.close()


@pytest.fixture(params=["fake", "sqlite"])
def unit_of_work(request: pytest.FixtureRequest) -> UnitOfWorkFactory:
    """Each home in turn, empty: what holds for one holds for the other."""
    if request.param == "fake":
        return FakeDatabase()
    database: Database = request.getfixturevalue("database")
    return database.unit_of_work
