"""The data layer's two homes: memory, and a real SQLite file."""

import pytest

from data_layer.database import Database
from data_layer.fake.unit_of_work import FakeDatabase
from data_layer.ports.unit_of_work import UnitOfWorkFactory


@pytest.fixture(params=["fake", pytest.param("sqlite", marks=pytest.mark.integration)])
def unit_of_work(request: pytest.FixtureRequest) -> UnitOfWorkFactory:
    """Each home in turn, empty: what holds for one holds for the other."""
    if request.param == "fake":
        return FakeDatabase()
    database: Database = request.getfixturevalue("database")
    return database.unit_of_work
