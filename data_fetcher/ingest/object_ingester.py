"""Application of objects: their updates and the ingest records share one transaction.

Objects are decompressed, and the first chunk of their updates is parsed, before the transaction
begins: it blocks all other writers.
"""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import structlog

from common.clock import Clock, utc_now
from common.errors import DatabaseLimitExceeded, DatabaseUnavailable
from data_fetcher.ingest.ingested_object import IngestedObject
from data_fetcher.ingest.movie_update import MovieUpdate, parse_update
from data_fetcher.ingest.object_reader import (
    UnreadableObject,
    decompress,
    parse_items,
    too_large,
)
from data_fetcher.ingest.update_applier import (
    Effect,
    TimestampedUpdate,
    UpdateApplier,
    UpdateRejected,
)
from data_fetcher.object_stores.port import ObjectVersion
from data_layer.audit_log import write_audit
from data_layer.entities.audit_entry import AuditEntry
from data_layer.entities.ingest import Ingest, IngestError
from data_layer.ports.unit_of_work import UnitOfWork, UnitOfWorkFactory
from data_layer.transaction_retries import retried_when_busy

UPDATES_AT_ONCE = 1_000
"""Maximum number of updates that are looked up and written together."""

CHUNK_BYTES = 2_000_000
"""JSON size after which a chunk ends; larger statements would exceed the statement timeout."""

TRANSACTION_BYTES = 8_000_000
"""Maximum decompressed size of the objects of a transaction; a larger object has its own."""

_log = structlog.get_logger(__name__)


class IngestInterrupted(Exception):
    """The worker has to stop at once; the transaction was rolled back."""


_DecompressedObject = tuple[IngestedObject, bytes | UnreadableObject]
"""An object with its decompressed content, or the reason why it has none."""

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

    def find_existing(self, objects: Sequence[IngestedObject]) -> Mapping[bytes, Ingest]:
        """Return the ingest records of those that were ingested before, by object id."""
        with self.unit_of_work(is_read_only=True) as uow:
            return uow.ingests.find_existing([ingested.object_id for ingested in objects])

    def restore_results(self, ingested: IngestedObject, ingest: Ingest) -> None:
        """Fill in the results of an object from its ingest record."""
        with self.unit_of_work(is_read_only=True) as uow:
            ingested.errors = list(uow.ingests.list_errors(ingest.known_id))
        ingested.counts = Counter({each.value: getattr(ingest, each.value) for each in Effect})
        ingested.rejected = ingest.rejected

    def new_object(self, version: ObjectVersion, content: bytes | None) -> IngestedObject:
        """Return an object without results, ready for `apply`; `None` is content not read."""
        sha256 = None
        if content is not None and not version.has_strong_etag:
            sha256 = hashlib.sha256(content).digest()
        return IngestedObject(version, self._object_id(version, sha256), content, sha256)

    def apply(self, objects: Sequence[IngestedObject], *, commits: bool = True) -> None:
        """Apply objects in their order and record the results; commits.

        Objects share a transaction up to `TRANSACTION_BYTES`. After an unexpected error each
        object is applied in a transaction of its own, so that one faulty object does not block the
        others.

        Args:
            objects: Their counts and errors are filled in.
            commits: `False` rolls back and only fills in the results.

        Raises:
            DatabaseUnavailable: The transaction was rolled back; those before it are committed.
            IngestInterrupted: The transaction was rolled back; those before it are committed.
        """
        for group in self._decompress(objects):
            self._apply_isolated(group, commits=commits)

    def _decompress(self, objects: Sequence[IngestedObject]) -> Iterator[list[_DecompressedObject]]:
        """Yield the objects of each transaction, decompressed."""
        group: list[_DecompressedObject] = []
        group_bytes = 0
        for ingested in objects:
            text = self._text_of(ingested)
            text_bytes = len(text) if isinstance(text, bytes) else 0
            if group and group_bytes + text_bytes > TRANSACTION_BYTES:
                yield group
                group, group_bytes = [], 0
            group.append((ingested, text))
            group_bytes += text_bytes
        yield group

    def _text_of(self, ingested: IngestedObject) -> bytes | UnreadableObject:
        if ingested.version.size_bytes > self.max_bytes:
            return UnreadableObject(too_large(self.max_bytes))
        try:
            return decompress(ingested.content or b"", self.max_bytes)
        except UnreadableObject as error:
            return error

    def _apply_isolated(self, objects: Sequence[_DecompressedObject], *, commits: bool) -> None:
        try:
            self._apply(objects, commits=commits)
        except (DatabaseUnavailable, IngestInterrupted):
            raise
        except Exception as error:  # noqa: BLE001 - A bug must not block the other objects.
            if len(objects) > 1:
                for each in objects:
                    self._apply_isolated([each], commits=commits)
                return
            ingested, _text = objects[0]
            ingested.reset()
            ingested.is_ours = not self.find_existing([ingested])
            if ingested.is_ours:
                ingested.add_error(IngestError(None, "", _describe_failure(ingested, error)))
                self._save_record(ingested, commits=commits)

    @retried_when_busy
    def _apply(self, objects: Sequence[_DecompressedObject], *, commits: bool) -> None:
        for ingested, _text in objects:
            ingested.reset()
        updates = self._read(objects)
        chunk = _take_chunk(updates)
        with self.unit_of_work() as uow:
            while chunk:
                self._apply_chunk(uow, chunk)
                chunk = _take_chunk(updates)
            self._add_records(uow, [ingested for ingested, _text in objects])
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

    def _read(self, objects: Sequence[_DecompressedObject]) -> Iterator[LocatedUpdate]:
        """Yield the valid updates of all objects; add the errors of the invalid ones.

        Raises:
            IngestInterrupted: The transaction has to be aborted.
        """
        now = self.clock()
        for ingested, content in objects:
            try:
                if isinstance(content, UnreadableObject):
                    raise content
                items = parse_items(content)
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
                self._add_records(uow, [ingested])
                uow.commit()
        except DatabaseUnavailable:
            raise
        except Exception:  # noqa: BLE001 - The object is quarantined without a record.
            _log.exception("ingest_record_failed", key=ingested.shown_key)

    def _add_records(self, uow: UnitOfWork, objects: Sequence[IngestedObject]) -> None:
        """Store the results of objects, and an audit entry for each of them."""
        uow.ingests.add_many([(self._record(each), each.errors) for each in objects])
        stored = uow.ingests.find_existing([each.object_id for each in objects])
        write_audit(uow, *map(_audit_entry, stored.values()))

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

    def _object_id(self, version: ObjectVersion, sha256: bytes | None) -> bytes:
        """Return the identity of a version: by its content if its ETag is weak and it was read."""
        validator = version.etag if sha256 is None else sha256.hex()
        parts = (self.source, version.key, validator, version.modified_at.isoformat())
        return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogateescape")).digest()


def _audit_entry(ingest: Ingest) -> AuditEntry:
    return AuditEntry(
        at=ingest.ingested_at,
        action=f"ingest.{ingest.state.value}",
        subject=f"/ingests/{ingest.known_id}",
        caller="ingestion",
        address="",
        request_id="",
    )


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
