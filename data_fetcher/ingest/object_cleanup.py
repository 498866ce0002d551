"""What happens to an object once it was taken in: what was refused is put aside, then it goes."""

import dataclasses
import os
from dataclasses import dataclass

import orjson

from data_fetcher.ingest.ingested_object import Taken
from data_fetcher.ingest.object_reader import Unreadable, read_items
from data_fetcher.object_stores.port import REJECTED, REPORT, UpdateStore
from data_layer.entities.ingest import IngestState

_VERSION_DIGITS = 8
_NAME_MAX_BYTES = 90
"""Of the two parts of a name each: file systems take 255 bytes, the report's ending among them."""


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

    def clear(self, one: Taken, content: bytes) -> None:
        """Put aside what was refused, and remove the object if it is still the one that was read.

        One that is another by now was perhaps not written to its end, and is read again. Of lines
        that were refused only these are put aside, so that they can be mended and dropped once
        more; whole objects where there is nothing else in them, or too much.

        Raises:
            BucketUnavailable: it has to be done again.
        """
        if one.refused and self.keeps_refused and self.store.is_there(one.found):
            key = rejected_key(one.found.key, one.object_id)
            if lines := self._lines(one, content):
                key = key.removesuffix(".gz")
                self.store.put(key, lines)
            else:
                self.store.copy(one.found, key)
            self.store.put(key + REPORT, _report(one))
        self.store.remove(one.found)

    def _lines(self, one: Taken, content: bytes) -> bytes:
        """Return the lines that were refused; nothing where all of the object is put aside."""
        if one.state is IngestState.REJECTED or one.refused > len(one.faults):
            return b""
        wanted = {fault.line for fault in one.faults}
        try:
            items = read_items(content, self.max_bytes)
            return b"".join(text + b"\n" for line, text in items if line in wanted)
        except Unreadable:  # The operator has lowered a bound since.
            return b""


def rejected_key(key: str, object_id: bytes) -> str:
    """Return where what was refused of this version is put: every version has its own place."""
    folder, slash, name = key.rpartition("/")
    stem, dot, ending = name.partition(".")
    version = object_id.hex()[:_VERSION_DIGITS]
    return f"{REJECTED}{folder}{slash}{_cut(stem)}.{version}{_cut(dot + ending)}"


def _cut(text: str) -> str:
    return os.fsdecode(os.fsencode(text)[:_NAME_MAX_BYTES])


def _report(one: Taken) -> bytes:
    """Return as JSON what was refused and why."""
    errors = [dataclasses.asdict(fault) for fault in one.faults]
    report = {"object": one.shown_key, "refused": one.refused, "errors": errors}
    return orjson.dumps(report, option=orjson.OPT_INDENT_2)
