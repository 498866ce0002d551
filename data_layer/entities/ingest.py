"""Ingested objects, their errors, and the state of ingest sources."""

import datetime as dt
from dataclasses import dataclass
from enum import StrEnum


class IngestState(StrEnum):
    """Result of ingesting an object."""

    APPLIED = "applied"
    """All updates were valid."""
    PARTIAL = "partial"
    """Some updates were rejected."""
    REJECTED = "rejected"
    """All updates were rejected, or the object could not be read."""


@dataclass(frozen=True, slots=True)
class IngestError:
    """Reason why an update, or the whole object, was rejected.

    Args:
        line: Line number from 1, or position in a JSON array; `None` for the whole object.
        field: Name of the invalid field; empty if no single field is at fault.
    """

    line: int | None
    field: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Ingest:
    """One ingested version of an object, with counts of its updates. Times are in UTC.

    Args:
        object_id: SHA-256 digest of source, key, time of modification, and the ETag or, in a
            folder, the digest of the content; each version is ingested once.
        stale: Updates older than the watermark of their movie.
        rejected: Rejected updates; 1 for an object that cannot be read.
    """

    object_id: bytes
    source: str
    object_key: str
    etag: str
    size_bytes: int
    modified_at: dt.datetime
    ingested_at: dt.datetime
    state: IngestState
    added: int = 0
    changed: int = 0
    unchanged: int = 0
    stale: int = 0
    removed: int = 0
    rejected: int = 0
    id: int | None = None
    """Ascending id; `None` until the record is stored."""

    @property
    def known_id(self) -> int:
        """The id of a stored record."""
        if self.id is None:
            raise AssertionError("An ingest has no id before it is stored.")
        return self.id


@dataclass(frozen=True, slots=True, kw_only=True)
class IngestQuery:
    """Conditions on ingested objects, joined by AND; `None` does not restrict."""

    state: IngestState | None = None
    before: int | None = None
    """Exclusive upper bound of the id."""
    limit: int = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class IngestSource:
    """Scan state of a bucket or folder. Times are in UTC."""

    name: str
    scan_requested_at: dt.datetime | None = None
    scanned_at: dt.datetime | None = None
    last_error: str | None = None
    """Error of the last scan, or what it left in the source."""
