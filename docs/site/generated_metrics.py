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

EVENTS = {
    "audit": "A write was committed. The fields are those of an entry of `GET /audit`.",
    "database_fault": "The database reports a fault; the reference of errors explains `code`.",
    "database_unavailable_retrying": "The database does not answer; the call is repeated after "
    "`seconds`. Check the database if it lasts.",
    "fetch_abandoned_until_lease_expiry": "The result of a fetch could not be stored. A worker "
    "fetches it again when the lease expires.",
    "fetch_claim_failed": "A fault of the program while a worker looked for fetches; it tries "
    "again. Report the traceback.",
    "fetch_completed": "A worker stored the result of a fetch.",
    "fetch_failed": "A fault of the program in one fetch, whose state is `failed`. Report the "
    "traceback.",
    "fetch_notification_failed": "Pub/Sub did not accept a message. Workers find the fetch when "
    "they poll.",
    "file_descriptors_exhausted": "Connections were closed to make room. Raise `ulimit -n`.",
    "http_request": "A request reached the application.",
    "http_requests_refused": "A rate limit refuses requests; `repeated` counts those "
    "since the last line.",
    "ingest_completed": "A scan ingested objects; the fields count them.",
    "ingest_disabled": "The ingest source cannot be opened; the worker only fetches. Correct "
    "`MOVIES_INGEST_SOURCE` and restart.",
    "ingest_failed": "A fault of the program in a scan; the next scan tries again. Report the "
    "traceback.",
    "ingest_objects_remaining": "A scan left objects in the source; `reason` says why.",
    "ingest_record_failed": "An object that could not be stored was moved to `rejected/` without a "
    "record. Report the traceback.",
    "ingest_unavailable": "The source or the database does not answer; the scan is repeated.",
    "leases_released_on_shutdown": "A worker stopped before its fetches ended; others take them "
    "over.",
    "movie_refresh_failed": "A stored movie could not be refreshed. It keeps its data.",
    "movie_store_failed": "A fetched movie could not be stored; its fetch is `failed`. Report the "
    "traceback.",
    "object_store_failed": "An object could not be stored and is rejected. Report the traceback.",
    "omdb_circuit_closed": "OMDb answers again; requests are sent.",
    "omdb_circuit_opened": "No requests are sent to OMDb before `until`. `reason` says what to do.",
    "omdb_key_not_checked": "OMDb did not answer when the service checked the key at its start.",
    "omdb_emulator_started": "No OMDb key is set; movies come from the emulator at `url`.",
    "process_unresponsive": "A process did not answer for `silent_seconds`. Its supervisor kills "
    "and replaces it.",
    "pubsub_message_invalid": "A message is not of this program; Pub/Sub moves it to the dead "
    "letters.",
    "redis_unavailable_using_local_rate_limits": "Redis does not answer; each process counts on "
    "its own.",
    "seeding_incomplete": "Some seed movies are missing. The queue or the next start fetches them.",
    "seeding_interrupted": "The seeding ended with an error; the next start resumes it.",
    "server_process_restarted": "A server process died and was replaced. Look for its last lines.",
    "unexpected_error": "A fault of the program; the client got a 500. Report the traceback.",
    "worker_process_restarted": "The worker process died and was replaced. Look for its last "
    "lines.",
}
"""What each log event means, and what to do. An event without an entry stops the build."""


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
        (
            f"`{event}`",
            "error" if level == "exception" else level,
            code(sorted(fields)),
            EVENTS[event],
        )
        for event, (level, fields) in sorted(events.items())
    ]
    return table(("event", "level", "fields", "meaning, and what to do"), rows)


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
