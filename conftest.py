"""What the tests of every package share: quiet surroundings, and a real SQLite file."""

import logging
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import structlog

from common.settings import setting_names
from data_layer.database import Database

pytest_plugins = [
    "common.performance_fixtures",
    "data_layer.tests.servers",
    "data_fetcher.tests.pubsub_emulator",
]

RequireProgram = Callable[[str], str]


def pytest_collection_modifyitems(items: list[pytest.Function]) -> None:
    """Mark what uses a real database, so that `make test-units` leaves it out."""
    for item in items:
        if "database" in item.fixturenames or "any_database" in item.fixturenames:
            item.add_marker("integration")


@pytest.fixture(autouse=True)
def _settings_of_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """No setting of the developer reaches the tests."""
    for name in setting_names():
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("MOVIES_INGEST_SOURCE", "off")  # Nor does what is dropped for them.


@pytest.fixture(autouse=True)
def _restored_logging() -> Iterator[None]:
    """What a command sets up in a test does not outlive it."""
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    yield
    root.handlers, root.level = handlers, level
    structlog.reset_defaults()


@pytest.fixture(scope="session")
def require_program() -> RequireProgram:
    """Give the path of a program; a test that misses it is skipped, and fails where CI runs."""

    def require(name: str) -> str:
        path = shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin")
        if path is None:
            (pytest.fail if os.environ.get("CI") else pytest.skip)(f"{name} is not installed")
        return path

    return require


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
