import pytest
from structlog.testing import capture_logs

from common.errors import (
    Conflict,
    DatabaseDamaged,
    DatabaseLimitExceeded,
    DatabaseReadOnly,
    DatabaseUnavailable,
)
from common.log_throttle import LOG_SECONDS
from data_layer.database_health import DatabaseHealth


def faulty(error: Exception, cause: str) -> Exception:
    """Return the error with the message of a driver as its cause."""
    error.__cause__ = RuntimeError(cause)
    return error


@pytest.fixture
def times() -> list[float]:
    """Return the readings of the clock; the last one repeats."""
    return [0.0]


@pytest.fixture
def health(times: list[float]) -> DatabaseHealth:
    return DatabaseHealth(lambda: times[-1])


def test_a_fault_is_logged_with_its_cause_and_then_counted(
    health: DatabaseHealth, times: list[float]
) -> None:
    fault = faulty(DatabaseReadOnly("Read-only."), "running with --read-only\nDETAIL: 1")
    with capture_logs() as log:
        for _ in range(4):
            health.record(fault)
        times.append(LOG_SECONDS)
        health.record(fault)
        health.record(fault)
    assert [line["repeated"] for line in log] == [0, 3]
    assert log[0] == {
        "event": "database_fault",
        "log_level": "error",
        "code": "database-read-only",
        "reason": "Read-only.",
        "cause": "running with --read-only",
        "repeated": 0,
    }


def test_each_kind_of_fault_is_logged(health: DatabaseHealth) -> None:
    with capture_logs() as log:
        health.record(faulty(DatabaseLimitExceeded("Too large."), "1153"))
        health.record(DatabaseUnavailable("Timed out."))
        health.record(Conflict("Exists."))
        health.record(None)
    assert [(line["reason"], line["cause"]) for line in log] == [
        ("Too large.", "1153"),
        ("Timed out.", ""),
    ]


def test_damage_is_remembered(health: DatabaseHealth) -> None:
    health.record(DatabaseUnavailable("Timed out."))
    health.require_undamaged()
    health.record(DatabaseDamaged("Damaged."))
    health.record(DatabaseUnavailable("Timed out."))
    for _ in range(2):
        with pytest.raises(DatabaseDamaged, match="Damaged"):
            health.require_undamaged()
