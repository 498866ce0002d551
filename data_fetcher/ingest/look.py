"""One look at a source: everything that is there is taken in, the oldest first."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field

from common.chunks import chunks
from data_fetcher.ingest.clearing import Clearing
from data_fetcher.ingest.ingesting import Ingesting, Taken
from data_fetcher.ingest.stores.store import Found, UpdateStore
from data_layer.entities.ingest import Ingest, IngestState

LISTED_MAX = 100_000
"""How many objects are listed at once; the rest is listed when these are done."""

BATCH_BYTES = 8_000_000
READERS = 8
"""How many objects are read, or cleared away, at once."""


@dataclass(slots=True)
class LookReport:
    """What was taken in.

    Args:
        objects: how many, by what became of them.
        updates: how many, by what they did; `refused` among them.
    """

    objects: Counter[IngestState] = field(default_factory=Counter)
    updates: Counter[str] = field(default_factory=Counter)

    def add(self, one: Taken) -> None:
        """Count an object that was taken in."""
        self.objects[one.state] += 1
        self.updates.update(one.counts)
        self.updates["refused"] += one.refused


OnProgress = Callable[[LookReport, int], None]
"""Takes what was taken in, and how many objects still wait."""


@dataclass(frozen=True, slots=True)
class Look:
    """Takes in what is there.

    Args:
        store: where objects are.
        ingesting: applies them.
        clearing: clears them away.
        batch_objects: how many objects share a transaction at most.
        has_to_end: tells whether no further transaction may be begun.
        on_progress: is told after each.
    """

    store: UpdateStore
    ingesting: Ingesting
    clearing: Clearing
    batch_objects: int
    has_to_end: Callable[[], bool] = lambda: False
    on_progress: OnProgress = lambda _report, _waiting: None

    def run(self) -> LookReport:
        """Take everything in, also what comes meanwhile.

        Raises:
            BucketUnavailable: what was committed stays, and is cleared away the next time.
            DatabaseUnavailable: likewise.
            Stopped: likewise.
        """
        report = LookReport()
        with ThreadPoolExecutor(READERS, thread_name_prefix="ingest") as pool:
            before: list[Found] = []
            while (found := self.store.list(LISTED_MAX)) and not self.has_to_end():
                if found == before:  # It can't be read at the moment.
                    break
                self._take_all(found, report, pool)
                before = found
        return report

    def rehearse(self) -> LookReport:
        """Say what a look would do, and change nothing; each transaction for itself."""
        report = LookReport()
        found = self.store.list(LISTED_MAX)
        known = self.ingesting.known(found)
        waiting = [each for each in found if each not in known]
        with ThreadPoolExecutor(READERS) as pool:
            for batch in self._read(waiting, pool):
                self.ingesting.apply(batch, keeps=False)
                self._tell(batch, report, len(waiting))
        return report

    def _take_all(
        self, found: Sequence[Found], report: LookReport, pool: ThreadPoolExecutor
    ) -> None:
        known = self.ingesting.known(found)
        _do_all(pool, self._clear_known, known.items())
        waiting = [each for each in found if each not in known]
        for batch in self._read(waiting, pool):
            self.ingesting.apply(batch)
            _do_all(pool, self._clear, [(one,) for one in batch])
            self._tell(batch, report, len(waiting))
            if self.has_to_end():
                return

    def _tell(self, batch: Sequence[Taken], report: LookReport, found: int) -> None:
        for one in batch:
            report.add(one)
        self.on_progress(report, max(0, found - report.objects.total()))

    def _clear(self, one: Taken) -> None:
        self.clearing.clear(one.found, one.state, one.refused, one.faults, one.content)

    def _clear_known(self, found: Found, ingest: Ingest) -> None:
        """Clear an object away whose worker has died before it could."""
        content = self.store.read(found) if ingest.state is IngestState.PARTLY else b""
        if content is not None:
            faults = self.ingesting.faults(ingest)
            self.clearing.clear(found, ingest.state, ingest.refused, faults, content)

    def _read(self, found: Sequence[Found], pool: ThreadPoolExecutor) -> Iterator[list[Taken]]:
        """Yield the objects with what they hold, batch by batch, the next one being read."""
        ahead: list[tuple[Found, Future[bytes | None]]] = []
        for batch in [*self._batches(found), []]:
            reading, ahead = ahead, [(each, pool.submit(self._read_one, each)) for each in batch]
            read = [(each, future.result()) for each, future in reading]
            taken = [self.ingesting.taken(each, it) for each, it in read if it is not None]
            if taken:
                yield taken

    def _read_one(self, found: Found) -> bytes | None:
        is_large = found.size_bytes > self.ingesting.max_bytes
        return b"" if is_large else self.store.read(found)

    def _batches(self, found: Sequence[Found]) -> Iterator[list[Found]]:
        """Yield as many objects at once as a transaction and the memory take."""
        for some in chunks(found, self.batch_objects):
            batch: list[Found] = []
            size = 0
            for each in some:
                if batch and size + each.size_bytes > BATCH_BYTES:
                    yield batch
                    batch, size = [], 0
                batch.append(each)
                size += each.size_bytes
            yield batch


def _do_all(
    pool: ThreadPoolExecutor, do: Callable[..., None], arguments: Iterable[tuple[object, ...]]
) -> None:
    """Do it to all, side by side; if one fails, say so when the others are done."""
    futures = [pool.submit(do, *each) for each in arguments]
    for future in futures:
        future.exception()
    for future in futures:
        future.result()
