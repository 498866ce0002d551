import pytest

from data_layer.database import Database
from movies_service.tests.kill_soak import SoakPlan, soak

PLAN = SoakPlan(lookups=100, workers=2, latency_ms=200, give_up_seconds=120)


@pytest.mark.integration
@pytest.mark.kills
def test_killed_workers_lose_and_duplicate_no_movie(any_database: Database) -> None:
    result = soak(any_database, PLAN)
    assert result.is_clean, result
    assert result.kills > 0
