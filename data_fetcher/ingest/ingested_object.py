"""Version of an object that is ingested, with its results."""

import os
from collections import Counter
from dataclasses import dataclass, field

from data_fetcher.object_stores.port import ObjectVersion
from data_layer.entities.ingest import IngestError, IngestState

ERRORS_MAX = 1_000
"""Maximum number of stored errors per object; an object with more is quarantined whole."""


@dataclass(slots=True)
class IngestedObject:
    """Version of an object, with the effects and errors of its updates.

    Args:
        version: Its key, ETag, size and modification time.
        object_id: SHA-256 of the version; see `Ingest`.
        content: `None` if it was not read, since the object exceeds the size limit or was ingested
            before.
        sha256: Digest of the content, if only the content identifies the version.
        counts: Number of updates by `Effect` value.
        errors: The first `ERRORS_MAX` errors.
    """

    version: ObjectVersion
    object_id: bytes
    content: bytes | None
    sha256: bytes | None
    counts: Counter[str] = field(default_factory=Counter)
    errors: list[IngestError] = field(default_factory=list)

    is_ours: bool = True
    """Whether this worker ingested the version; `False` if another worker was faster."""
    rejected: int = 0
    """Number of rejected updates; it may exceed the length of `errors`."""

    @property
    def shown_key(self) -> str:
        """The key as text; bytes of a file name that are not UTF-8 are escaped."""
        return os.fsencode(self.version.key).decode("utf-8", "backslashreplace")

    @property
    def state(self) -> IngestState:
        """Applied, partial or rejected, by the results so far."""
        if not self.rejected:
            return IngestState.APPLIED
        return IngestState.PARTIAL if self.counts.total() else IngestState.REJECTED

    def add_error(self, error: IngestError) -> None:
        """Count a rejected update, and store its error if fewer than `ERRORS_MAX` are stored."""
        self.rejected += 1
        if len(self.errors) < ERRORS_MAX:
            self.errors.append(error)

    def reset(self) -> None:
        """Clear the results after a rollback."""
        self.counts.clear()
        self.errors.clear()
        self.rejected = 0
