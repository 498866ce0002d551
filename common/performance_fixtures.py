"""Pytest fixtures that measure: `pytest_plugins = ["common.performance_fixtures"]`.

What a test has measured stands in the summary at the end of the run, and in the report that
`--junit-xml` writes. How long something took is never asserted: machines are noisy.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import pytest

from common.benchmark.process_meter import ProcessMeter

Measure = Callable[[str], AbstractContextManager[ProcessMeter]]
"""Gives a context that measures what happens in it, under a name of its own."""

_MEBIBYTE = 2**20
_PROPERTY = "performance"


@pytest.fixture
def measure(request: pytest.FixtureRequest) -> Measure:
    """Give a way to measure parts of a test, each under its name; see `Measure`."""

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
    """Return what was measured, as people read it."""
    grown = (meter.peak_bytes - meter.start_bytes) / _MEBIBYTE
    return (
        f"{meter.wall_seconds:.3f} s wall, {meter.cpu_seconds:.3f} s CPU, "
        f"{meter.peak_bytes / _MEBIBYTE:.1f} MiB peak (+{grown:.1f})"
    )


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """List what was measured."""
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
