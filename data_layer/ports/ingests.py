"""The objects with updates that were taken in."""

import datetime as dt
from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

from data_layer.entities.ingest import (
    Ingest,
    IngestFault,
    IngestQuery,
    IngestSource,
    IngestState,
)


class IngestRepository(Protocol):
    """Keeps what became of objects, each version once, and how far their sources are."""

    def add_many(self, ingests: Sequence[tuple[Ingest, Sequence[IngestFault]]]) -> None:
        """Store them under rising ids.

        Raises:
            Conflict: one of the versions is there.
        """
        ...

    def known(self, object_ids: Collection[bytes]) -> Mapping[bytes, Ingest]:
        """Return those of the versions that were taken in."""
        ...

    def get(self, ingest_id: int) -> Ingest:
        """Return the object with this id.

        Raises:
            NotFound: there is none.
        """
        ...

    def faults(self, ingest_id: int) -> tuple[IngestFault, ...]:
        """Return why something of it was refused, in the order of its lines.

        Raises:
            NotFound: there is no object with this id.
        """
        ...

    def list(self, query: IngestQuery) -> tuple[Ingest, ...]:
        """Return the objects that are asked for, newest first."""
        ...

    def counts(self) -> Mapping[IngestState, int]:
        """Return how many objects there are of each state, of those that have any."""
        ...

    def forget(self, before: dt.datetime) -> None:
        """Remove those that were taken in before, some thousands at most."""
        ...

    def find_source(self, name: str) -> IngestSource | None:
        """Return how far the source is, if anybody has looked at it."""
        ...

    def put_source(self, source: IngestSource) -> None:
        """Store how far it is, in the place of what was known."""
        ...
