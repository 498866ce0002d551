"""Repository of ingested objects and of the state of ingest sources."""

import datetime as dt
from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

from data_layer.entities.ingest import Ingest, IngestError, IngestQuery, IngestSource, IngestState


class IngestRepository(Protocol):
    """Results of ingested objects, one for each version, and scan states of sources."""

    def add_many(self, ingests: Sequence[tuple[Ingest, Sequence[IngestError]]]) -> None:
        """Store ingested objects and their errors, with ascending new ids.

        Raises:
            Conflict: One of the versions is stored already.
        """
        ...

    def find_existing(self, object_ids: Collection[bytes]) -> Mapping[bytes, Ingest]:
        """Return the stored ones of these versions, by object id."""
        ...

    def get(self, ingest_id: int) -> Ingest:
        """Return the ingested object with this id."""
        ...

    def list_errors(self, ingest_id: int) -> tuple[IngestError, ...]:
        """Return the errors of an ingested object, ordered by line."""
        ...

    def list(self, query: IngestQuery) -> tuple[Ingest, ...]:
        """Return the matching objects, newest first, at most `query.limit`."""
        ...

    def counts(self) -> Mapping[IngestState, int]:
        """Return the number of objects in each state; states without objects are absent."""
        ...

    def delete_before(self, before: dt.datetime) -> None:
        """Delete objects ingested before this time, in UTC; at most some thousands in one call."""
        ...

    def find_source(self, name: str) -> IngestSource | None:
        """Return the state of the source; `None` before its first scan or scan request."""
        ...

    def put_source(self, source: IngestSource) -> None:
        """Store the state of a source, replacing the previous one."""
        ...
