from pathlib import Path

import pytest

from conftest import RequireProgram
from movies_service.tests import connection_soak, restart_soak

pytestmark = pytest.mark.integration


def test_reads_succeed_beside_more_connections_than_descriptors(tmp_path: Path) -> None:
    plan = connection_soak.ConnectionPlan(seconds=1.5)
    result = connection_soak.soak(tmp_path, plan)
    assert result.is_clean, result
    assert result.reads == 300
    assert "file_descriptors_exhausted" in (tmp_path / "log.txt").read_text()


@pytest.mark.soak
def test_no_read_fails_during_rolling_restarts(
    tmp_path: Path, require_program: RequireProgram
) -> None:
    require_program("nginx")
    result = restart_soak.soak(tmp_path, restarts=2, readers=2)
    assert result.errors == 0
    assert result.reads > 10
