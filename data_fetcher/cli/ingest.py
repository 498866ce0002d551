"""The command `ingest`: take in updates of films that others drop into a bucket or folder."""

import functools
import json
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from functools import partial
from types import FrameType
from typing import Annotated, TypeVar

import typer

from common.cli.commands import command_settings
from common.cli.exit_codes import ExitCode
from common.cli.progress import noted_progress_bar
from common.cli.start import INTERRUPTED
from common.errors import InvalidInput, Unavailable
from common.settings import UPDATES_FOLDER, Settings
from common.stop_request import Brake
from data_fetcher.ingest.bootstrap import build_ingest_worker, build_look
from data_fetcher.ingest.ingested_object import Taken
from data_fetcher.ingest.object_ingester import Stopped
from data_fetcher.ingest.source_scan import LookReport
from data_fetcher.object_stores.factory import FORMS
from data_layer.bootstrap import open_database
from data_layer.database import Database
from data_layer.entities.ingest import IngestState

Result = TypeVar("Result")

WAIT_SECONDS = 0.5
"""How often is looked whether another worker has come to an end."""


def ingest(
    source: Annotated[
        str | None,
        typer.Option(
            metavar="URL", help=f"{FORMS}; else as MOVIES_INGEST_SOURCE says; else ./updates."
        ),
    ] = None,
    *,
    is_once: Annotated[
        bool, typer.Option("--once", help="Take in what is there, and end.")
    ] = False,
    is_rehearsal: Annotated[
        bool, typer.Option("--dry-run", help="Say what would change, and change nothing.")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the result as one JSON object.")
    ] = False,
) -> None:
    """Take in updates of films from a bucket or folder, and remove what was taken in.

    Without --once it looks again and again until it is stopped. Exit codes: 0 all was taken in; 3
    something was refused, and put below rejected/; 4 the bucket can't be used.
    """
    with command_settings() as settings:
        if (url := source or settings.ingest_source) is None:
            raise InvalidInput(
                f"Say where updates come from: --source with {FORMS}; or make a folder named"
                f" {UPDATES_FOLDER}."
            )
        with closing(open_database(settings)) as database, _braked() as brake:
            database.migrate()
            started = time.monotonic()
            if is_once or is_rehearsal:
                report = _beside(
                    partial(_look, settings, url, database, brake, is_rehearsal=is_rehearsal)
                )
            else:
                look = build_look(settings, url, database, brake)
                print(f"Ingesting from {look.store.name}. Ctrl-C stops.", file=sys.stderr)
                _beside(build_ingest_worker(settings, look, database, brake).run)
                return
    print(
        _as_json(report, time.monotonic() - started)
        if as_json
        else _as_text(report, is_rehearsal=is_rehearsal)
    )
    if report.updates["refused"]:
        raise SystemExit(ExitCode.PARTLY)


def _beside(call: Callable[[], Result]) -> Result:
    """Call in a thread: one that waits for a database does not hear signals."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(call).result()


def _look(
    settings: Settings, url: str, database: Database, brake: Brake, *, is_rehearsal: bool
) -> LookReport:
    """Look once, with a bar; where another worker is at it, when that has ended."""
    started = time.monotonic()
    with noted_progress_bar("Ingesting", "objects") as advance:

        def show(report: LookReport, waiting: int) -> None:
            done = report.objects.total()
            advance(done, done + waiting, _note(report, time.monotonic() - started))

        @functools.cache  # Once is enough.
        def tell_waiting() -> None:
            print("Another worker takes these updates in: waiting for it.", file=sys.stderr)

        look = build_look(settings, url, database, brake, show)
        if is_rehearsal:
            with suppress(Stopped):
                return look.rehearse(_tell)
        worker = build_ingest_worker(settings, look, database, brake)
        while not brake.is_pulled():
            with suppress(Stopped):
                if (report := worker.look_once()) is None:
                    tell_waiting()
                elif not brake.is_pulled():  # pragma: no branch  # Stopped in that moment.
                    return report
            brake.wait(WAIT_SECONDS)
    raise Unavailable("It was stopped before all was taken in: start it again to go on.")


def _note(report: LookReport, seconds: float) -> str:
    """Return what stands beside the bar."""
    refused = report.updates["refused"]
    films = report.updates.total() - refused
    return f"{films:,} films, {refused:,} refused, {films / max(seconds, 0.001):,.0f} films/s"


def _tell(one: Taken) -> None:
    """Say what would become of an object."""
    effects = [f"{name} {count:,}" for name, count in one.counts.items()]
    effects += [f"refused {one.refused:,}"] if one.refused else []
    print(f"{one.shown_key}: {', '.join(effects) or 'nothing'}", file=sys.stderr)
    for fault in one.faults:
        place = "" if fault.line is None else f", line {fault.line:,}"
        field = f"{fault.field}: " if fault.field else ""
        print(f"{one.shown_key}{place}: {field}{fault.message}", file=sys.stderr)


@contextmanager
def _braked() -> Iterator[Brake]:
    """Give a brake that the first SIGINT or SIGTERM pulls; a second one ends the process."""
    brake = Brake()

    def on_signal(_number: int, _frame: FrameType | None) -> None:
        if brake.is_pulled():
            os._exit(INTERRUPTED)  # pragma: no cover  # Nothing is measured any more.
        brake.pull()
        _end_soon(brake.seconds_left())
        message = b"Stopping worker. Press once more to exit at once.\n"
        os.write(sys.stderr.fileno(), message)

    numbers = (signal.SIGINT, signal.SIGTERM)
    before = [signal.signal(number, on_signal) for number in numbers]
    try:
        yield brake
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)


def _end_soon(seconds: float) -> None:
    """End even if a thread waits for a bucket or a database that does not answer."""
    end = threading.Timer(seconds, os._exit, [INTERRUPTED])
    end.daemon = True
    end.start()


def _as_text(report: LookReport, *, is_rehearsal: bool) -> str:
    updates = report.updates
    first = "would be taken in" if is_rehearsal else "taken in"
    return (
        f"Objects {first}: {report.objects.total():,}, of which rejected: "
        f"{report.objects[IngestState.REJECTED]:,}. Films added: {updates['added']:,}; "
        f"changed: {updates['changed']:,}; removed: {updates['removed']:,}; "
        f"unchanged: {updates['unchanged']:,}; older than what is known: {updates['late']:,}; "
        f"updates refused: {updates['refused']:,}."
    )


def _as_json(report: LookReport, seconds: float) -> str:
    names = ("added", "changed", "removed", "unchanged", "late", "refused")
    return json.dumps(
        {
            "objects": report.objects.total(),
            **{state.value: report.objects[state] for state in IngestState},
            "updates": {name: report.updates[name] for name in names},
            "seconds": round(seconds, 3),
        }
    )
