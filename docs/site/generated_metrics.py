"""Reference of metrics and log events, from the collector and from the calls of the loggers."""

import ast
import datetime as dt
from collections.abc import Iterator
from pathlib import Path

from data_layer.entities.ingest import IngestSource
from docs.site.paths import PACKAGES, ROOT
from docs.site.tables import code, table
from movies_service.telemetry.collector import Metrics
from movies_service.telemetry.counters import ProcessCounters
from movies_service.use_cases.ingests import IngestStatus
from movies_service.use_cases.upstream_status import UpstreamStatus

_LEVELS = {"debug", "info", "warning", "error", "exception"}


def describe_metrics() -> str:
    """Render a table of all metrics with type, labels and help text."""
    nothing = UpstreamStatus(
        day=dt.date(2000, 1, 1),
        daily_limit=1,
        quota_used=0,
        quota_remaining=1,
        interactive_reserve=0,
        circuit_state="closed",
        failures=0,
        circuit_open_until=None,
        last_error=None,
        fetches={},
    )
    metrics = Metrics(
        counts=ProcessCounters,
        count_movies=lambda: 0,
        get_upstream_status=lambda: nothing,
        get_ingest_status=lambda: IngestStatus(IngestSource(name="dir:updates"), {}),
    )
    rows = [
        (
            f"`{metric.name}{'_total' if metric.type == 'counter' else ''}`",
            metric.type,
            code(getattr(metric, "_labelnames", ())),
            metric.documentation,
        )
        for metric in metrics.collect()
    ]
    return table(("metric", "type", "labels", "meaning"), rows)


def describe_log_events() -> str:
    """Render a table of the events that the program logs, by name."""
    events: dict[str, tuple[str, set[str]]] = {}
    for path in _modules():
        for level, event, fields in _logged(ast.parse(path.read_text(encoding="utf-8"))):
            known = events.setdefault(event, (level, set()))
            known[1].update(fields)
    rows = [
        (f"`{event}`", "error" if level == "exception" else level, code(sorted(fields)))
        for event, (level, fields) in sorted(events.items())
    ]
    return table(("event", "level", "fields"), rows)


def _modules() -> Iterator[Path]:
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            if "tests" not in path.parts:
                yield path


def _logged(tree: ast.AST) -> Iterator[tuple[str, str, list[str]]]:
    """Yield level, event and fields of each call of a module's logger."""
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr in _LEVELS
            and isinstance(node.func.value, ast.Name)
            and node.func.value.id == "_log"
            and node.args
            and isinstance(node.args[0], ast.Constant)
        ):
            fields = [word.arg for word in node.keywords if word.arg not in {None, "exc_info"}]
            yield node.func.attr, str(node.args[0].value), [field for field in fields if field]
