"""Command `ingest`: apply movie updates from a bucket or folder."""

import functools
import json
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from functools import partial
from typing import Annotated, TypeVar

import typer

from common.cli.commands import AsJson, command_settings
from common.cli.exit_codes import ExitCode
from common.cli.progress import ProgressBar
from common.cli.signals import shutdown_on_signals
from common.errors import InvalidInput, Unavailable
from common.settings import UPDATES_FOLDER, Settings
from common.shutdown import ShutdownSignal
from data_fetcher.ingest.bootstrap import build_ingest_worker, build_source_scan
from data_fetcher.ingest.ingested_object import IngestedObject
from data_fetcher.ingest.object_ingester import IngestInterrupted
from data_fetcher.ingest.source_scan import ScanReport
from data_fetcher.object_stores.factory import FORMS
from data_layer.bootstrap import open_database
from data_layer.database import Database
from data_layer.entities.ingest import IngestState

Result = TypeVar("Result")

WAIT_SECONDS = 0.5
"""Interval at which a single scan retries while another worker holds the lock."""


def ingest(
    source: Annotated[
        str | None,
        typer.Option(
            metavar="URL", help=f"{FORMS}. Default: MOVIES_INGEST_SOURCE, else ./updates."
        ),
    ] = None,
    *,
    is_once: Annotated[
        bool, typer.Option("--once", help="Scan the source once, and exit.")
    ] = False,
    is_dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print what would change, and change nothing.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Apply movie updates from a bucket or folder, and delete the ingested objects.

    Without --once it scans the source at an interval until it is stopped. Exit codes: 0 all
    updates were applied; 3 some updates were rejected and stored below rejected/, or some objects
    cannot be read or deleted; 4 the bucket is unavailable.
    """
    with command_settings() as settings:
        if (url := source or settings.ingest_source) is None:
            raise InvalidInput(
                f"No ingest source: pass --source with {FORMS}, or create a folder named"
                f" {UPDATES_FOLDER}."
            )
        with closing(open_database(settings)) as database, shutdown_on_signals() as shutdown:
            database.migrate()
            started = time.monotonic()
            if is_once or is_dry_run:
                report = _run_in_thread(
                    partial(_scan_once, settings, url, database, shutdown, is_dry_run=is_dry_run)
                )
            else:
                scan = build_source_scan(settings, url, database, shutdown)
                print(f"Ingesting from {scan.store.name}. Ctrl-C stops.", file=sys.stderr)
                _run_in_thread(build_ingest_worker(settings, scan, database, shutdown).run)
                return
    print(
        _as_json(report, time.monotonic() - started)
        if as_json
        else _as_text(report, is_dry_run=is_dry_run)
    )
    if report.warning:
        print(report.warning, file=sys.stderr)
    if report.updates["rejected"] or report.warning:
        raise SystemExit(ExitCode.PARTIAL)


def _run_in_thread(call: Callable[[], Result]) -> Result:
    """Run a call in a thread, so that the main thread handles signals meanwhile."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(call).result()


def _scan_once(
    settings: Settings, url: str, database: Database, shutdown: ShutdownSignal, *, is_dry_run: bool
) -> ScanReport:
    """Scan the source once, with a progress bar; wait while another worker holds the lock."""
    started = time.monotonic()
    with ProgressBar("Ingesting", "objects") as bar:

        def show(report: ScanReport, pending: int) -> None:
            done = report.objects.total()
            bar.update(done, done + pending, _progress_note(report, time.monotonic() - started))

        @functools.cache  # The message is printed once.
        def report_waiting() -> None:
            print("Another worker ingests this source: waiting for it.", file=sys.stderr)

        scan = build_source_scan(settings, url, database, shutdown, show)
        if is_dry_run:
            with suppress(IngestInterrupted):
                return scan.dry_run(_print_preview)
        worker = build_ingest_worker(settings, scan, database, shutdown)
        while not shutdown.is_set():
            with suppress(IngestInterrupted):
                if (report := worker.scan_once()) is None:
                    report_waiting()
                elif not shutdown.is_set():  # pragma: no branch  # A rare race.
                    return report
            shutdown.wait_in_thread(WAIT_SECONDS)
    raise Unavailable("Interrupted before completion; run the command again to resume.")


def _progress_note(report: ScanReport, seconds: float) -> str:
    """Return the text next to the progress bar."""
    rejected = report.updates["rejected"]
    movies = report.updates.total() - rejected
    return f"{movies:,} movies, {rejected:,} rejected, {movies / max(seconds, 0.001):,.0f} movies/s"


def _print_preview(ingested: IngestedObject) -> None:
    """Print the would-be results of an object to standard error."""
    effects = [f"{name} {count:,}" for name, count in ingested.counts.items()]
    effects += [f"rejected {ingested.rejected:,}"] if ingested.rejected else []
    print(f"{ingested.shown_key}: {', '.join(effects) or 'nothing'}", file=sys.stderr)
    for error in ingested.errors:
        place = "" if error.line is None else f", line {error.line:,}"
        field = f"{error.field}: " if error.field else ""
        print(f"{ingested.shown_key}{place}: {field}{error.message}", file=sys.stderr)


def _as_text(report: ScanReport, *, is_dry_run: bool) -> str:
    updates = report.updates
    verb = "would be ingested" if is_dry_run else "ingested"
    return (
        f"Objects {verb}: {report.objects.total():,}, of which rejected: "
        f"{report.objects[IngestState.REJECTED]:,}. Movies added: {updates['added']:,}; "
        f"changed: {updates['changed']:,}; removed: {updates['removed']:,}; "
        f"unchanged: {updates['unchanged']:,}. Updates stale: {updates['stale']:,}; "
        f"rejected: {updates['rejected']:,}."
    )


def _as_json(report: ScanReport, seconds: float) -> str:
    names = ("added", "changed", "removed", "unchanged", "stale", "rejected")
    return json.dumps(
        {
            "objects": report.objects.total(),
            **{state.value: report.objects[state] for state in IngestState},
            "updates": {name: report.updates[name] for name in names},
            "remaining_keys": report.remaining_keys,
            "seconds": round(seconds, 3),
        }
    )
