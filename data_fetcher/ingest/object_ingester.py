"""Application of objects: their updates and the ingest records share one transaction."""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import structlog

from common.clock import Clock, utc_now
from common.errors import DatabaseLimitExceeded, DatabaseUnavailable
from data_fetcher.ingest.ingested_object import IngestedObject
from data_fetcher.ingest.movie_update import MovieUpdate, parse_update
from data_fetcher.ingest.object_reader import UnreadableObject, parse_items, too_large
from data_fetcher.ingest.update_applier import (
    Effect,
    TimestampedUpdate,
    UpdateApplier,
    UpdateRejected,
)
from data_fetcher.object_stores.port import ObjectVersion
from data_layer.entities.ingest import Ingest, IngestError
from data_layer.ports.unit_of_work import UnitOfWork, UnitOfWorkFactory
from data_layer.transaction_retries import retried_when_busy

UPDATES_AT_ONCE = 1_000
"""Maximum number of updates that are looked up and written together."""

CHUNK_BYTES = 2_000_000
"""JSON size after which a chunk ends; larger statements would exceed the statement timeout."""

_log = structlog.get_logger(__name__)


class IngestInterrupted(Exception):
    """The worker has to stop at once; the transaction was rolled back."""


LocatedUpdate = tuple[IngestedObject, int, MovieUpdate, int]
"""An update with its object, its line or array position, and its size in bytes."""


@dataclass(frozen=True, slots=True)
class ObjectIngester:
    """Applies the updates of objects and records the results.

    Args:
        unit_of_work: Opens transactions.
        source: URL of the bucket or folder that contains the objects.
        max_bytes: Size limit of an object, also after decompression.
        is_stopping: Returns whether even the running transaction has to be aborted.
        clock: In UTC.
    """

    unit_of_work: UnitOfWorkFactory
    source: str
    max_bytes: int
    is_stopping: Callable[[], bool] = lambda: False
    clock: Clock = utc_now

    def find_existing(self, versions: Sequence[ObjectVersion]) -> dict[ObjectVersion, Ingest]:
        """Return the ingest records of those versions that were ingested before."""
        ids = {self._object_id(version): version for version in versions}
        with self.unit_of_work(is_read_only=True) as uow:
            return {ids[key]: ingest for key, ingest in uow.ingests.find_existing(ids).items()}

    def restore_object(self, version: ObjectVersion, ingest: Ingest) -> IngestedObject:
        """Return an object with the results of its ingest record, and without its content."""
        with self.unit_of_work(is_read_only=True) as uow:
            errors = uow.ingests.list_errors(ingest.known_id)
        counts = Counter({effect.value: getattr(ingest, effect.value) for effect in Effect})
        return IngestedObject(
            version, ingest.object_id, b"", counts, list(errors), rejected=ingest.rejected
        )

    def new_object(self, version: ObjectVersion, content: bytes) -> IngestedObject:
        """Return an object without results, ready for `apply`."""
        return IngestedObject(version, self._object_id(version), content)

    def apply(self, objects: Sequence[IngestedObject], *, commits: bool = True) -> None:
        """Apply objects in their order and record the results in one transaction; commits.

        After an unexpected error each object is applied in a transaction of its own, so that one
        faulty object does not block the others.

        Args:
            objects: Their counts and errors are filled in.
            commits: `False` rolls back and only fills in the results.

        Raises:
            DatabaseUnavailable: Nothing was stored.
            IngestInterrupted: Nothing was stored.
        """
        try:
            self._apply(objects, commits=commits)
        except (DatabaseUnavailable, IngestInterrupted):
            raise
        except Exception as error:  # noqa: BLE001 - A bug must not block the other objects.
            if len(objects) > 1:
                for ingested in objects:
                    self.apply([ingested], commits=commits)
                return
            ingested = objects[0]
            ingested.reset()
            ingested.is_ours = not self.find_existing([ingested.version])
            if ingested.is_ours:
                ingested.add_error(IngestError(None, "", _describe_failure(ingested, error)))
                self._save_record(ingested, commits=commits)

    @retried_when_busy
    def _apply(self, objects: Sequence[IngestedObject], *, commits: bool) -> None:
        for ingested in objects:
            ingested.reset()
        with self.unit_of_work() as uow:
            updates = self._read(objects)
            while chunk := _take_chunk(updates):
                self._apply_chunk(uow, chunk)
            uow.ingests.add_many([(self._record(each), each.errors) for each in objects])
            if commits:
                uow.commit()

    def _apply_chunk(self, uow: UnitOfWork, chunk: Sequence[LocatedUpdate]) -> None:
        now = self.clock()
        # A modification time in the future would make later updates of the movie stale.
        timestamped: list[TimestampedUpdate] = [
            (update, update.updated_at or min(ingested.version.modified_at, now))
            for ingested, _line, update, _size in chunk
        ]
        for (ingested, line, _update, _size), effect in zip(
            chunk, UpdateApplier(uow).run(timestamped), strict=True
        ):
            if isinstance(effect, UpdateRejected):
                ingested.add_error(IngestError(line, effect.field, effect.message))
            else:
                ingested.counts[effect.value] += 1

    def _read(self, objects: Sequence[IngestedObject]) -> Iterator[LocatedUpdate]:
        """Yield the valid updates of all objects; add the errors of the invalid ones.

        Raises:
            IngestInterrupted: The transaction has to be aborted.
        """
        now = self.clock()
        for ingested in objects:
            if ingested.version.size_bytes > self.max_bytes:
                ingested.add_error(IngestError(None, "", too_large(self.max_bytes)))
                continue
            try:
                items = parse_items(ingested.content, self.max_bytes)
            except UnreadableObject as error:
                ingested.add_error(error.error)
                continue
            for line, text in items:
                if self.is_stopping():
                    raise IngestInterrupted
                update = parse_update(text, line, now)
                if isinstance(update, IngestError):
                    ingested.add_error(update)
                else:
                    yield ingested, line, update, len(text)

    def _save_record(self, ingested: IngestedObject, *, commits: bool) -> None:
        if not commits:
            return
        try:
            with self.unit_of_work() as uow:
                uow.ingests.add_many([(self._record(ingested), ingested.errors)])
                uow.commit()
        except DatabaseUnavailable:
            raise
        except Exception:  # noqa: BLE001 - The object is quarantined without a record.
            _log.exception("ingest_record_failed", key=ingested.shown_key)

    def _record(self, ingested: IngestedObject) -> Ingest:
        version = ingested.version
        return Ingest(
            object_id=ingested.object_id,
            source=self.source,
            object_key=ingested.shown_key,
            etag=version.etag[:200],
            size_bytes=version.size_bytes,
            modified_at=version.modified_at,
            ingested_at=self.clock(),
            state=ingested.state,
            **{effect.value: ingested.counts[effect.value] for effect in Effect},
            rejected=ingested.rejected,
        )

    def _object_id(self, version: ObjectVersion) -> bytes:
        parts = (self.source, version.key, version.etag, version.modified_at.isoformat())
        return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogateescape")).digest()


def _describe_failure(ingested: IngestedObject, error: Exception) -> str:
    """Return why an object could not be stored; log an error that is a bug."""
    if isinstance(error, DatabaseLimitExceeded):
        return error.message
    _log.error("object_store_failed", key=ingested.shown_key, exc_info=error)
    return "The object could not be stored; see the log."


def _take_chunk(updates: Iterator[LocatedUpdate]) -> list[LocatedUpdate]:
    """Return the next updates, up to the limits of a chunk; empty at the end."""
    chunk: list[LocatedUpdate] = []
    chunk_bytes = 0
    for located in updates:
        chunk.append(located)
        chunk_bytes += located[3]
        if len(chunk) == UPDATES_AT_ONCE or chunk_bytes > CHUNK_BYTES:
            break
    return chunk
