"""One look at a source: everything that is there is taken in, the oldest first."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TypeVar

from common.batches import chunks
from common.errors import BucketUnavailable
from data_fetcher.ingest.ingested_object import Taken
from data_fetcher.ingest.object_cleanup import Clearing
from data_fetcher.ingest.object_ingester import Ingesting
from data_fetcher.object_stores.port import Found, UpdateStore
from data_layer.entities.ingest import Ingest, IngestState

LISTED_MAX = 100_000
"""How many objects are listed at once; the rest is listed when these are done."""

BATCH_BYTES = 8_000_000
READERS = 8
"""How many objects are read, or cleared away, at once."""

PROBLEMS_MAX = 100
"""After so many objects that can't be read or removed, it is the bucket that does not serve."""

_PACKED = 10
"""How much larger gzip becomes, about."""

Result = TypeVar("Result")


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
        report, problems = LookReport(), _Problems()
        with _readers() as pool:
            before: list[Found] = []
            while (found := self.store.list(LISTED_MAX)) and not self.has_to_end():
                if found == before:  # What is left can't be used at the moment.
                    break
                self._take_all(found, report, pool, problems)
                before = found
        problems.tell()
        return report

    def rehearse(self, tell: Callable[[Taken], None]) -> LookReport:
        """Say what a look would do, and change nothing; each transaction for itself.

        Args:
            tell: is given each object, with what would become of it.
        """
        report, problems = LookReport(), _Problems()
        found = self.store.list(LISTED_MAX)
        known = self.ingesting.known(found)
        waiting = [each for each in found if each not in known]
        with _readers() as pool:
            for batch in self._read(waiting, pool, problems):
                self.ingesting.apply(batch, keeps=False)
                for one in batch:
                    tell(one)
                self._tell(batch, report, len(waiting))
        problems.tell()
        return report

    def _take_all(
        self,
        found: Sequence[Found],
        report: LookReport,
        pool: ThreadPoolExecutor,
        problems: "_Problems",
    ) -> None:
        known = self.ingesting.known(found)
        problems.do_all(pool, self._clear_known, known.items())
        waiting = [each for each in found if each not in known]
        for batch in self._read(waiting, pool, problems):
            self.ingesting.apply(batch)
            ours = [one for one in batch if one.is_ours]
            self._tell(ours, report, len(waiting))
            if self.has_to_end():  # The next look clears away.
                return
            problems.do_all(pool, self._clear, [(one,) for one in ours])
            if theirs := [one.found for one in batch if not one.is_ours]:
                problems.do_all(pool, self._clear_known, self.ingesting.known(theirs).items())

    def _tell(self, batch: Sequence[Taken], report: LookReport, found: int) -> None:
        for one in batch:
            report.add(one)
        self.on_progress(report, max(0, found - report.objects.total()))

    def _clear(self, one: Taken) -> None:
        self.clearing.clear(one, one.content)

    def _clear_known(self, found: Found, ingest: Ingest) -> None:
        """Clear an object away whose worker has died before it could."""
        content = self.store.read(found) if ingest.state is IngestState.PARTLY else b""
        if content is not None:
            self.clearing.clear(self.ingesting.taken_before(found, ingest), content)

    def _read(
        self, found: Sequence[Found], pool: ThreadPoolExecutor, problems: "_Problems"
    ) -> Iterator[list[Taken]]:
        """Yield the objects with what they hold, batch by batch, the next one being read."""
        ahead: list[tuple[Found, Future[bytes | None]]] = []
        for batch in [*self._batches(found), []]:
            reading, ahead = ahead, [(each, pool.submit(self._read_one, each)) for each in batch]
            read = [(each, problems.result(future)) for each, future in reading]
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
                more = each.size_bytes * (_PACKED if each.key.endswith(".gz") else 1)
                if batch and size + more > BATCH_BYTES:
                    yield batch
                    batch, size = [], 0
                batch.append(each)
                size += more
            yield batch


@contextmanager
def _readers() -> Iterator[ThreadPoolExecutor]:
    """Give threads; what they have not begun when the context ends they don't begin any more."""
    pool = ThreadPoolExecutor(READERS, thread_name_prefix="ingest")
    try:
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)


class _Problems:
    """What went wrong with single objects: it keeps no other one waiting."""

    def __init__(self) -> None:
        self._found: list[BucketUnavailable] = []

    def result(self, future: "Future[Result]") -> Result | None:
        """Return what came of it, or nothing where that was a problem.

        Raises:
            BucketUnavailable: there were so many that it is not the objects.
        """
        try:
            return future.result()
        except BucketUnavailable as error:
            self._found.append(error)
            if len(self._found) >= PROBLEMS_MAX:
                raise
            return None

    def do_all(
        self,
        pool: ThreadPoolExecutor,
        do: Callable[..., None],
        arguments: Iterable[tuple[object, ...]],
    ) -> None:
        """Do it to all, side by side."""
        for future in [pool.submit(do, *each) for each in arguments]:
            self.result(future)

    def tell(self) -> None:
        """Say what was wrong first, if anything was.

        Raises:
            BucketUnavailable: with the sentence of the first problem.
        """
        if self._found:
            raise self._found[0]
