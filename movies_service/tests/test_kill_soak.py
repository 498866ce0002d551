import pytest

from data_layer.database import Database
from movies_service.tests.kill_soak import SoakPlan, soak

PLAN = SoakPlan(wishes=100, workers=2, latency_ms=200, give_up_seconds=120)


@pytest.mark.integration
def test_killed_workers_lose_nothing_and_double_nothing(any_database: Database) -> None:
    found = soak(any_database, PLAN)
    assert found.is_clean, found
    assert found.kills > 0
