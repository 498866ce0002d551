"""Cleanup of ingested objects: quarantine of rejected updates, then deletion."""

import dataclasses
import os
from dataclasses import dataclass

import orjson

from data_fetcher.ingest.ingested_object import IngestedObject
from data_fetcher.ingest.object_reader import UnreadableObject, decompress, parse_items
from data_fetcher.object_stores.port import REJECTED, REPORT, ObjectStore
from data_layer.entities.ingest import IngestState

_VERSION_DIGITS = 8
_NAME_MAX_BYTES = 90
"""Maximum length of the stem and of the suffix of a quarantined name.

File systems allow 255 bytes per name, which has to hold the version and `.report.json` as well.
"""


@dataclass(frozen=True, slots=True)
class ObjectCleanup:
    """Quarantines rejected updates and deletes ingested objects; safe to repeat at any point.

    Args:
        store: Contains the objects.
        keeps_rejected: Whether rejected updates are stored below `rejected/`, with a report.
        max_bytes: Size limit of an object, also after decompression.
    """

    store: ObjectStore
    keeps_rejected: bool
    max_bytes: int

    def clear(self, ingested: IngestedObject) -> None:
        """Quarantine the rejected updates of an object, then delete it if it is unchanged.

        If the object changed after it was read, it is left in place and ingested again: the
        version that was read was perhaps incomplete. Only the rejected lines are quarantined,
        so that they can be corrected and uploaded again; the whole object is quarantined if it
        contains nothing else or too many errors.

        Raises:
            BucketUnavailable: The cleanup has to be repeated.
        """
        if ingested.rejected and self.keeps_rejected and self.store.exists(ingested.version):
            key = rejected_key(ingested.version.key, ingested.object_id)
            if lines := self._rejected_lines(ingested):
                key = key.removesuffix(".gz")
                self.store.put(key, lines)
            else:
                self.store.copy(ingested.version, key)
            self.store.put(key + REPORT, _report(ingested))
        self.store.delete_if_unchanged(ingested.version, ingested.sha256)

    def _rejected_lines(self, ingested: IngestedObject) -> bytes:
        """Return the rejected lines; empty if the whole object is to be quarantined."""
        if ingested.state is IngestState.REJECTED or ingested.rejected > len(ingested.errors):
            return b""
        rejected = {error.line for error in ingested.errors}
        try:
            items = parse_items(decompress(ingested.content or b"", self.max_bytes))
            return b"".join(text + b"\n" for line, text in items if line in rejected)
        except UnreadableObject:  # The operator has lowered a limit since the object was applied.
            return b""


def rejected_key(key: str, object_id: bytes) -> str:
    """Return the key below `rejected/` for a version of an object; it differs by version."""
    folder, slash, name = key.rpartition("/")
    stem, dot, ending = name.partition(".")
    version = object_id.hex()[:_VERSION_DIGITS]
    return f"{REJECTED}{folder}{slash}{_cut(stem)}.{version}{_cut(dot + ending)}"


def _cut(text: str) -> str:
    return os.fsdecode(os.fsencode(text)[:_NAME_MAX_BYTES])


def _report(ingested: IngestedObject) -> bytes:
    """Return the report of the rejected updates as JSON."""
    errors = [dataclasses.asdict(error) for error in ingested.errors]
    report = {"object": ingested.shown_key, "rejected": ingested.rejected, "errors": errors}
    return orjson.dumps(report, option=orjson.OPT_INDENT_2)
