"""Pytest fixtures for measurements: `pytest_plugins = ["common.performance_fixtures"]`.

Measurements are listed in the summary at the end of the run and in the report of `--junit-xml`.
Tests never assert a duration, since machines are noisy.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import pytest

from common.benchmark.process_meter import ProcessMeter

Measure = Callable[[str], AbstractContextManager[ProcessMeter]]
"""Returns a context manager that measures its body under the given name."""

_MEBIBYTE = 2**20
_PROPERTY = "performance"


@pytest.fixture
def measure(request: pytest.FixtureRequest) -> Measure:
    """Return a function that measures named parts of a test; see `Measure`."""

    @contextmanager
    def measured(name: str) -> Iterator[ProcessMeter]:
        with ProcessMeter() as meter:
            yield meter
        request.node.user_properties.append((_PROPERTY, f"{name}: {describe(meter)}"))

    return measured


@pytest.fixture
def performance(measure: Measure) -> Iterator[ProcessMeter]:
    """Measure the whole test."""
    with measure("whole test") as meter:
        yield meter


def describe(meter: ProcessMeter) -> str:
    """Return the measured time and memory as readable text."""
    grown = (meter.peak_bytes - meter.start_bytes) / _MEBIBYTE
    return (
        f"{meter.wall_seconds:.3f} s wall, {meter.cpu_seconds:.3f} s CPU, "
        f"{meter.peak_bytes / _MEBIBYTE:.1f} MiB peak (+{grown:.1f})"
    )


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print all measurements, if there are any."""
    lines = [
        f"{report.nodeid} {text}"
        for reports in terminalreporter.stats.values()
        for report in reports
        if getattr(report, "when", None) == "teardown"
        for name, text in report.user_properties
        if name == _PROPERTY
    ]
    if lines:
        terminalreporter.section("performance")
        for line in lines:
            terminalreporter.line(line)
