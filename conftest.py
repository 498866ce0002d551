"""Shared test fixtures: an isolated environment and a migrated SQLite database."""

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
    """Mark tests on a real database as integration tests, which `make test-units` skips."""
    for item in items:
        if "database" in item.fixturenames or "any_database" in item.fixturenames:
            item.add_marker("integration")
        if item.get_closest_marker("kills") and "sqlite" not in item.callspec.id:
            item.add_marker("soak")


@pytest.fixture(autouse=True)
def _default_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Isolate tests from the developer's settings and from their folder `updates`."""
    for name in setting_names():
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("MOVIES_INGEST_SOURCE", "off")


@pytest.fixture(autouse=True)
def _restored_logging() -> Iterator[None]:
    """Log in short, and restore the logging configuration after each test.

    Structlog's default renders tracebacks with all local variables, which takes seconds for each.
    """
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    renderer = structlog.dev.ConsoleRenderer(
        colors=False, exception_formatter=structlog.dev.plain_traceback
    )
    processors = structlog.get_config()["processors"]
    structlog.configure(processors=[*processors[:-1], renderer])
    yield
    root.handlers, root.level = handlers, level
    structlog.reset_defaults()


@pytest.fixture(scope="session")
def require_program() -> RequireProgram:
    """Return a function that finds a program; if it is missing, tests skip, or fail in CI."""

    def require(name: str) -> str:
        path = shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin")
        if path is None:
            (pytest.fail if os.environ.get("CI") else pytest.skip)(f"{name} is not installed")
        return path

    return require


@pytest.fixture(scope="session")
def migrated_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the path of an empty migrated SQLite file, a template for copies."""
    path = tmp_path_factory.mktemp("template") / "movies.db"
    database = Database(f"sqlite:///{path}")
    database.migrate()
    database.close()
    return path


@pytest.fixture
def database(migrated_file: Path, tmp_path: Path) -> Iterator[Database]:
    """Yield an empty migrated SQLite database."""
    path = tmp_path / "movies.db"
    shutil.copy(migrated_file, path)
    database = Database(f"sqlite:///{path}")
    yield database
    database.close()
