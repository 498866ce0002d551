"""Taking objects in: read, apply with the record of it in one transaction, then remove."""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import structlog

from common.clock import Clock, utc_now
from common.errors import DatabaseUnavailable
from data_fetcher.ingest.ingested_object import Taken
from data_fetcher.ingest.movie_update import MovieUpdate, read_update
from data_fetcher.ingest.object_reader import Unreadable, read_items, too_large
from data_fetcher.ingest.update_applier import Applying, Dated, Effect, Refused
from data_fetcher.object_stores.port import Found
from data_layer.entities.ingest import Ingest, IngestFault
from data_layer.ports.unit_of_work import UnitOfWork, UnitOfWorkFactory
from data_layer.retries import retried_when_busy

UPDATES_AT_ONCE = 1_000
"""How many updates are looked up and written together."""

CHUNK_BYTES = 2_000_000
"""More of them would take a database longer than it gives a statement."""

_log = structlog.get_logger(__name__)


class Stopped(Exception):
    """Nothing of this transaction was stored: the worker is to stop at once."""


Placed = tuple[Taken, int, MovieUpdate, int]
"""An update with its object, its line, and its size in bytes."""


@dataclass(frozen=True, slots=True)
class Ingesting:
    """Applies objects.

    Args:
        unit_of_work: opens transactions.
        source: URL that the objects are of.
        max_bytes: that an object may have, also when it is decompressed.
        is_stopping: tells whether even a transaction that is begun has to be given up.
        clock: in UTC.
    """

    unit_of_work: UnitOfWorkFactory
    source: str
    max_bytes: int
    is_stopping: Callable[[], bool] = lambda: False
    clock: Clock = utc_now

    def known(self, found: Sequence[Found]) -> dict[Found, Ingest]:
        """Return what became of those that were taken in before, and are still there."""
        ids = {self._object_id(each): each for each in found}
        with self.unit_of_work(is_read_only=True) as uow:
            return {ids[key]: ingest for key, ingest in uow.ingests.known(ids).items()}

    def taken_before(self, found: Found, ingest: Ingest) -> Taken:
        """Return an object as it was when it was applied."""
        with self.unit_of_work(is_read_only=True) as uow:
            faults = uow.ingests.faults(ingest.known_id)
        counts = Counter({effect.value: getattr(ingest, effect.value) for effect in Effect})
        return Taken(found, ingest.object_id, b"", counts, list(faults), refused=ingest.refused)

    def taken(self, found: Found, content: bytes) -> Taken:
        """Return an object that was read, to be applied."""
        return Taken(found, self._object_id(found), content)

    def apply(self, objects: Sequence[Taken], *, keeps: bool = True) -> None:
        """Apply objects in their order and note what became of each; commits.

        What is unexpected in one keeps the others from nothing: then each has a transaction of
        its own.

        Args:
            objects: get their counts and faults.
            keeps: `False` stores nothing, and only counts.

        Raises:
            DatabaseUnavailable: nothing was stored.
            Stopped: likewise.
        """
        try:
            self._apply(objects, keeps=keeps)
        except (DatabaseUnavailable, Stopped):
            raise
        except Exception as error:  # noqa: BLE001 - What nobody has thought of must not block the rest.
            if len(objects) > 1:
                for each in objects:
                    self.apply([each], keeps=keeps)
                return
            one = objects[0]
            one.begin_anew()
            one.is_ours = not self.known([one.found])
            if one.is_ours:
                _log.error("an object could not be stored", key=one.shown_key, exc_info=error)
                one.refuse(IngestFault(None, "", "It could not be stored: the log says why."))
                self._keep(one, keeps=keeps)

    @retried_when_busy
    def _apply(self, objects: Sequence[Taken], *, keeps: bool) -> None:
        for each in objects:
            each.begin_anew()
        with self.unit_of_work() as uow:
            dated = self._read(objects)
            while chunk := _take_chunk(dated):
                self._apply_chunk(uow, chunk)
            uow.ingests.add_many([(self._record(each), each.faults) for each in objects])
            if keeps:
                uow.commit()

    def _apply_chunk(self, uow: UnitOfWork, chunk: Sequence[Placed]) -> None:
        now = self.clock()
        dated: list[Dated] = [
            (update, update.updated_at or min(one.found.modified_at, now))
            for one, _line, update, _size in chunk
        ]
        for (one, line, _update, _size), effect in zip(
            chunk, Applying(uow).run(dated), strict=True
        ):
            if isinstance(effect, Refused):
                one.refuse(IngestFault(line, effect.field, effect.message))
            else:
                one.counts[effect.value] += 1

    def _read(self, objects: Sequence[Taken]) -> Iterator[Placed]:
        """Yield the updates of all objects, and note what is none."""
        now = self.clock()
        for one in objects:
            if one.found.size_bytes > self.max_bytes:
                one.refuse(IngestFault(None, "", too_large(self.max_bytes)))
                continue
            try:
                items = read_items(one.content, self.max_bytes)
            except Unreadable as error:
                one.refuse(error.fault)
                continue
            for line, text in items:
                if self.is_stopping():
                    raise Stopped
                update = read_update(text, line, now)
                if isinstance(update, IngestFault):
                    one.refuse(update)
                else:
                    yield one, line, update, len(text)

    def _keep(self, one: Taken, *, keeps: bool) -> None:
        if not keeps:
            return
        try:
            with self.unit_of_work() as uow:
                uow.ingests.add_many([(self._record(one), one.faults)])
                uow.commit()
        except DatabaseUnavailable:
            raise
        except Exception:  # noqa: BLE001 - The same; it is put aside all the same.
            _log.exception("what became of an object could not be kept", key=one.shown_key)

    def _record(self, one: Taken) -> Ingest:
        found = one.found
        return Ingest(
            object_id=one.object_id,
            source=self.source,
            object_key=one.shown_key,
            etag=found.etag[:200],
            size_bytes=found.size_bytes,
            modified_at=found.modified_at,
            ingested_at=self.clock(),
            state=one.state,
            **{effect.value: one.counts[effect.value] for effect in Effect},
            refused=one.refused,
        )

    def _object_id(self, found: Found) -> bytes:
        parts = (self.source, found.key, found.etag, found.modified_at.isoformat())
        return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogateescape")).digest()


def _take_chunk(updates: Iterator[Placed]) -> list[Placed]:
    """Return the next updates: as many as are written together."""
    chunk: list[Placed] = []
    size = 0
    for placed in updates:
        chunk.append(placed)
        size += placed[3]
        if len(chunk) == UPDATES_AT_ONCE or size > CHUNK_BYTES:
            break
    return chunk
