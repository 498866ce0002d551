"""Scan of an ingest source: all its objects are ingested, oldest first."""

import random
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TypeVar

from common.batches import batched
from common.errors import BucketThrottled, BucketUnavailable
from data_fetcher.ingest.ingested_object import IngestedObject
from data_fetcher.ingest.object_cleanup import ObjectCleanup
from data_fetcher.ingest.object_ingester import ObjectIngester
from data_fetcher.object_stores.port import ObjectStore, ObjectVersion, shown_key
from data_layer.entities.ingest import Ingest, IngestState

LISTED_MAX = 100_000
"""Maximum number of objects per listing; the scan lists again when they are done."""

BATCH_BYTES = 8_000_000
"""Estimated decompressed size of the objects of one batch; a larger object is a batch alone."""

READERS = 8
"""Number of threads that read and clean up objects."""

OBJECT_ERRORS_MAX = 100
"""Number of failed objects after which the scan aborts and reports the bucket as unavailable."""

THROTTLED_PAUSES_SECONDS = (1.0, 2.0, 4.0, 8.0, 16.0)
"""Pauses after which a scan continues that the bucket has throttled; half of each is random."""

SHOWN_KEYS = 10
"""Number of remaining keys that are named."""

_GZIP_RATIO = 10
"""Assumed ratio of the decompressed size to the compressed size."""

Result = TypeVar("Result")

_KnownObject = tuple[IngestedObject, Ingest]
"""An object that was ingested before, with its record."""

_OnKnown = Callable[[Sequence[_KnownObject]], None]


@dataclass(slots=True)
class ScanReport:
    """Results of a scan.

    Args:
        objects: Number of objects by state.
        updates: Number of updates by `Effect` value, and of the `rejected` ones.
        remaining_keys: Keys of objects that stay in the source, as text.
    """

    objects: Counter[IngestState] = field(default_factory=Counter)
    updates: Counter[str] = field(default_factory=Counter)
    remaining_keys: list[str] = field(default_factory=list)

    @property
    def warning(self) -> str | None:
        """What to do about objects that stay in the source; None if there are none."""
        if not self.remaining_keys:
            return None
        keys = ", ".join(self.remaining_keys[:SHOWN_KEYS])
        return (
            f"Objects stay in the source, unread or undeleted: {len(self.remaining_keys)}."
            " Their keys must not have an empty, `.` or `..` segment, a slash at the end, or a"
            " control character; S3 must support deletion with If-Match; folders must be readable,"
            f" and their paths at most 768 bytes long. Their keys: {keys}"
        )

    def add(self, ingested: IngestedObject) -> None:
        """Count an ingested object and its updates."""
        self.objects[ingested.state] += 1
        self.updates.update(ingested.counts)
        self.updates["rejected"] += ingested.rejected


OnProgress = Callable[[ScanReport, int], None]
"""Receives the results so far, and the number of listed objects that remain."""


@dataclass(frozen=True, slots=True)
class SourceScan:
    """Ingests all objects of a source.

    Args:
        store: Contains the objects.
        ingester: Applies them.
        cleanup: Quarantines and deletes them.
        batch_objects: Maximum number of objects per transaction.
        is_stopping: Returns whether no further transaction may begin.
        on_progress: Is called after each batch.
        pause: Waits for a number of seconds, or less if the scan is to stop.
    """

    store: ObjectStore
    ingester: ObjectIngester
    cleanup: ObjectCleanup
    batch_objects: int
    is_stopping: Callable[[], bool] = lambda: False
    on_progress: OnProgress = lambda _report, _pending: None
    pause: Callable[[float], object] = time.sleep

    def run(self) -> ScanReport:
        """Ingest all objects, including those that arrive during the scan; commits per batch.

        If the bucket asks for fewer requests, the scan continues after a pause.

        Raises:
            BucketThrottled: The pauses did not help. Committed objects are cleaned up by the next
                scan.
            BucketUnavailable: Committed objects are cleaned up by the next scan.
            DatabaseUnavailable: Committed objects are cleaned up by the next scan.
            IngestInterrupted: The last transaction was rolled back.
        """
        report, pauses = ScanReport(), list(THROTTLED_PAUSES_SECONDS)
        while True:
            ingested = report.objects.total()
            try:
                self._run(report)
            except BucketThrottled:
                if report.objects.total() > ingested:
                    pauses = list(THROTTLED_PAUSES_SECONDS)
                if not pauses or self.is_stopping():
                    raise
                self.pause(pauses.pop(0) * random.uniform(0.5, 1))  # noqa: S311 - No secret.
            else:
                return report

    def _run(self, report: ScanReport) -> None:
        """Ingest until no object remains that can be read and deleted now."""
        object_errors = _ObjectErrors()
        with _readers() as pool:
            previous: list[ObjectVersion] = []
            while (versions := self._list(report)) and not self.is_stopping():
                if versions == previous:  # The remaining objects cannot be read or deleted now.
                    remaining = [shown_key(each.key) for each in versions if each.size_bytes]
                    report.remaining_keys += remaining  # Empty ones may show folders.
                    break
                self._ingest_all(versions, report, pool, object_errors)
                object_errors.raise_throttled()
                previous = versions
        object_errors.raise_first()

    def dry_run(self, on_object: Callable[[IngestedObject], None]) -> ScanReport:
        """Return what a scan would do, without changes to the catalogue or the source.

        Each batch is applied in a transaction that is rolled back, so that a batch does not see
        the effects of those before it.

        Args:
            on_object: Receives each object with its would-be results.

        Raises:
            BucketUnavailable: An object could not be read; the others were reported.
            DatabaseUnavailable: The dry run ended early.
            IngestInterrupted: The dry run ended early.
        """
        report, object_errors = ScanReport(), _ObjectErrors()
        versions = self._list(report)
        with _readers() as pool:
            for batch, waiting in self._read_new(
                versions, pool, object_errors, lambda _known: None
            ):
                self.ingester.apply(batch, commits=False)
                for ingested in batch:
                    on_object(ingested)
                self._report_progress(batch, report, waiting)
        object_errors.raise_first()
        return report

    def _list(self, report: ScanReport) -> list[ObjectVersion]:
        """List the objects; put those with unsupported keys into the report instead."""
        listed = self.store.list(LISTED_MAX)
        report.remaining_keys = [shown_key(each.key) for each in listed if not each.is_supported]
        return [version for version in listed if version.is_supported]

    def _ingest_all(
        self,
        versions: Sequence[ObjectVersion],
        report: ScanReport,
        pool: ThreadPoolExecutor,
        object_errors: "_ObjectErrors",
    ) -> None:
        def cleanup_known(known: Sequence[_KnownObject]) -> None:
            object_errors.run_all(pool, self._cleanup_known, known)

        for batch, waiting in self._read_new(versions, pool, object_errors, cleanup_known):
            self.ingester.apply(batch)
            ours = [ingested for ingested in batch if ingested.is_ours]
            self._report_progress(ours, report, waiting)
            if self.is_stopping():  # The next scan cleans up.
                return
            object_errors.run_all(pool, self.cleanup.clear, [(ingested,) for ingested in ours])
            self._find_new([ingested for ingested in batch if not ingested.is_ours], cleanup_known)

    def _report_progress(
        self, batch: Sequence[IngestedObject], report: ScanReport, waiting: int
    ) -> None:
        for ingested in batch:
            report.add(ingested)
        self.on_progress(report, waiting)

    def _cleanup_known(self, ingested: IngestedObject, ingest: Ingest) -> None:
        """Clean up an object that was committed by a worker that died or was faster."""
        if ingested.content is None and ingest.state is IngestState.PARTIAL:
            ingested.content = self.store.read(ingested.version)
            if ingested.content is None:
                return
        self.ingester.restore_results(ingested, ingest)
        self.cleanup.clear(ingested)

    def _read_new(
        self,
        versions: Sequence[ObjectVersion],
        pool: ThreadPoolExecutor,
        object_errors: "_ObjectErrors",
        on_known: _OnKnown,
    ) -> Iterator[tuple[list[IngestedObject], int]]:
        """Yield batches of objects that were not ingested before, and the number that remains.

        A strong ETag tells which ones were, without reading them; a weak one does not.
        """
        pending = [version for version in versions if not version.has_strong_etag]
        strong = [version for version in versions if version.has_strong_etag]
        unread = [self.ingester.new_object(version, None) for version in strong]
        pending += [ingested.version for ingested in self._find_new(unread, on_known)]
        waiting = len(pending)
        for batch in self._read(pending, pool, object_errors):
            waiting -= len(batch)
            if new := self._find_new(batch, on_known):
                yield new, waiting

    def _find_new(
        self, objects: Sequence[IngestedObject], on_known: _OnKnown
    ) -> list[IngestedObject]:
        """Return the objects that were not ingested before; pass the others to `on_known`."""
        if not objects:
            return []
        existing = self.ingester.find_existing(objects)
        on_known(
            [(each, existing[each.object_id]) for each in objects if each.object_id in existing]
        )
        return [each for each in objects if each.object_id not in existing]

    def _read(
        self,
        versions: Sequence[ObjectVersion],
        pool: ThreadPoolExecutor,
        object_errors: "_ObjectErrors",
    ) -> Iterator[list[IngestedObject]]:
        """Yield the objects with their content in batches; the next batch is read meanwhile."""
        ahead: list[Future[IngestedObject | None]] = []
        for batch in [*self._batches(versions), []]:
            reading, ahead = ahead, [pool.submit(self._read_one, each) for each in batch]
            read = [object_errors.result(future) for future in reading]
            if objects := [ingested for ingested in read if ingested is not None]:
                yield objects

    def _read_one(self, version: ObjectVersion) -> IngestedObject | None:
        if version.size_bytes > self.ingester.max_bytes:
            return self.ingester.new_object(version, None)
        content = self.store.read(version)
        return None if content is None else self.ingester.new_object(version, content)

    def _batches(self, versions: Sequence[ObjectVersion]) -> Iterator[list[ObjectVersion]]:
        """Yield batches that respect `batch_objects` and `BATCH_BYTES`."""
        for part in batched(versions, self.batch_objects):
            batch: list[ObjectVersion] = []
            batch_bytes = 0
            for version in part:
                estimate = version.size_bytes * (_GZIP_RATIO if version.key.endswith(".gz") else 1)
                if batch and batch_bytes + estimate > BATCH_BYTES:
                    yield batch
                    batch, batch_bytes = [], 0
                batch.append(version)
                batch_bytes += estimate
            yield batch


@contextmanager
def _readers() -> Iterator[ThreadPoolExecutor]:
    """Open a thread pool; calls that have not started when the context ends are cancelled."""
    pool = ThreadPoolExecutor(READERS, thread_name_prefix="ingest")
    try:
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)


class _ObjectErrors:
    """Errors of single objects, collected so that they do not block other objects."""

    def __init__(self) -> None:
        self._errors: list[BucketUnavailable] = []

    def result(self, future: "Future[Result]") -> Result | None:
        """Return the result of a call, or `None` if the bucket was unavailable.

        Raises:
            BucketUnavailable: The number of errors reached `OBJECT_ERRORS_MAX`.
        """
        try:
            return future.result()
        except BucketUnavailable as error:
            self._errors.append(error)
            if len(self._errors) >= OBJECT_ERRORS_MAX:
                raise
            return None

    def run_all(
        self,
        pool: ThreadPoolExecutor,
        call: Callable[..., None],
        arguments: Iterable[tuple[object, ...]],
    ) -> None:
        """Call a function once for each tuple of arguments, in parallel, and wait for the end.

        Raises:
            BucketUnavailable: The number of errors reached `OBJECT_ERRORS_MAX`.
        """
        for future in [pool.submit(call, *each) for each in arguments]:
            self.result(future)

    def raise_throttled(self) -> None:
        """Raise if the bucket asked for fewer requests.

        Raises:
            BucketThrottled: The objects concerned can be read later.
        """
        for error in self._errors:
            if isinstance(error, BucketThrottled):
                raise error

    def raise_first(self) -> None:
        """Raise the first error, if there was one.

        Raises:
            BucketUnavailable: The first error.
        """
        if self._errors:
            raise self._errors[0]
