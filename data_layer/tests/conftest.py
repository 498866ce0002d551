"""Fixtures that run repository tests on the fake and on every database."""

from collections.abc import Iterator

import pytest

from data_layer.database import Database
from data_layer.ports.unit_of_work import UnitOfWorkFactory
from data_layer.testing.fakes.unit_of_work import FakeDatabase
from data_layer.tests.servers import SERVERS


@pytest.fixture(
    params=[
        "fake",
        *(pytest.param(kind, marks=pytest.mark.integration) for kind in ("sqlite", *SERVERS)),
    ]
)
def unit_of_work(request: pytest.FixtureRequest) -> Iterator[UnitOfWorkFactory]:
    """Yield a factory of empty units of work: the fake, then each database."""
    if request.param == "fake":
        yield FakeDatabase()
    elif request.param == "sqlite":
        yield request.getfixturevalue("database").unit_of_work
    else:
        database = Database(request.getfixturevalue(f"{request.param}_url"))
        yield database.unit_of_work
        database.close()
