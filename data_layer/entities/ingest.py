"""An object with updates of films that was taken in, and where such objects come from."""

import datetime as dt
from dataclasses import dataclass
from enum import StrEnum


class IngestState(StrEnum):
    """What became of an object."""

    APPLIED = "applied"
    """All of it is in the catalogue."""
    PARTLY = "partly"
    """Some of its updates were refused."""
    REJECTED = "rejected"
    """Nothing of it could be used."""


@dataclass(frozen=True, slots=True)
class IngestFault:
    """Why something of an object was refused.

    Args:
        line: of the object, from 1; of an array the place of the item. `None` for all of it.
        field: that is wrong; empty where it is more than one.
        message: what is wrong, and what was expected.
    """

    line: int | None
    field: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Ingest:
    """One version of an object, taken in. Times are in UTC; counts are of its updates.

    Args:
        object_id: SHA-256 of source, key, ETag and time: a version is taken in once.
        source: URL of the bucket or folder.
        object_key: in the source.
        modified_at: when the object was written.
        late: updates that were older than what is known of their films.
        refused: updates that were refused; of an object that can't be read at all, 1.
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
    late: int = 0
    removed: int = 0
    refused: int = 0
    id: int | None = None
    """Rises with time; `None` until it is stored."""

    @property
    def known_id(self) -> int:
        """The id, once it is stored."""
        if self.id is None:
            raise AssertionError("An object has no id before it is stored.")
        return self.id


@dataclass(frozen=True, slots=True, kw_only=True)
class IngestQuery:
    """Which objects are wanted; each condition that is given has to hold."""

    state: IngestState | None = None
    before: int | None = None
    """Those taken in before the one with this id."""
    limit: int = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class IngestSource:
    """How far a bucket or folder is. Times are in UTC.

    Args:
        name: its URL.
        wanted_at: when somebody last asked to have it looked at.
        looked_at: when a look at it last ended.
        problem: why the last look could not be done; `None` if it could.
    """

    name: str
    wanted_at: dt.datetime | None = None
    looked_at: dt.datetime | None = None
    problem: str | None = None
