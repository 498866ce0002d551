"""What happens to an object once it was taken in: what was refused is put aside, then it goes."""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

import orjson

from data_fetcher.ingest.contents import read_items
from data_fetcher.ingest.stores.store import REJECTED, REPORT, Found, UpdateStore
from data_layer.entities.ingest import IngestFault, IngestState


@dataclass(frozen=True, slots=True)
class Clearing:
    """Clears objects away; whatever it is stopped in can be done again.

    Args:
        store: where they are.
        keeps_refused: whether what was refused is put below `rejected/`, with a report beside it.
        max_bytes: that an object may have.
    """

    store: UpdateStore
    keeps_refused: bool
    max_bytes: int

    def clear(
        self,
        found: Found,
        state: IngestState,
        refused: int,
        faults: Sequence[IngestFault],
        content: bytes,
    ) -> None:
        """Put aside what was refused, and remove the object if it is still the one that was read.

        One that is another by now was perhaps not written to its end, and is read again.

        Of lines that were refused only these are put aside, so that they can be mended and
        dropped once more; whole objects where there is nothing else in them, or too much.

        Raises:
            BucketUnavailable: it has to be done again.
        """
        if refused and self.keeps_refused and self.store.is_there(found):
            key = REJECTED + found.key
            if state is IngestState.REJECTED or refused > len(faults):
                self.store.copy(found, key)
            else:
                items = dict(read_items(content, self.max_bytes))
                key = key.removesuffix(".gz")
                self.store.put(key, b"\n".join(items[each.line or 0] for each in faults) + b"\n")
            self.store.put(key + REPORT, _report(found.key, refused, faults))
        self.store.remove(found)


def _report(key: str, refused: int, faults: Sequence[IngestFault]) -> bytes:
    """Return as JSON what was refused and why."""
    errors = [dataclasses.asdict(fault) for fault in faults]
    report = {"object": key, "refused": refused, "errors": errors}
    return orjson.dumps(report, option=orjson.OPT_INDENT_2)
