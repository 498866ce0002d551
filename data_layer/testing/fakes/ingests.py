"""The objects with updates that were taken in, in dictionaries."""

import dataclasses
import datetime as dt
from collections import Counter
from collections.abc import Collection, Mapping, Sequence

from common.errors import Conflict, NotFound
from data_layer.entities.ingest import (
    Ingest,
    IngestFault,
    IngestQuery,
    IngestSource,
    IngestState,
)

Kept = tuple[Ingest, tuple[IngestFault, ...]]


class FakeIngestRepository:
    """See `data_layer.ports.ingests.IngestRepository`."""

    def __init__(self, ingests: dict[int, Kept], sources: dict[str, IngestSource]) -> None:
        self.ingests = ingests
        self.sources = sources

    def add_many(self, ingests: Sequence[tuple[Ingest, Sequence[IngestFault]]]) -> None:
        """Store them under the next ids."""
        for ingest, faults in ingests:
            if self.known([ingest.object_id]):
                raise Conflict("This version was taken in before.")
            number = max(self.ingests, default=0) + 1
            self.ingests[number] = dataclasses.replace(ingest, id=number), tuple(faults)

    def known(self, object_ids: Collection[bytes]) -> Mapping[bytes, Ingest]:
        """Return those that were taken in."""
        kept = (ingest for ingest, _faults in self.ingests.values())
        return {ingest.object_id: ingest for ingest in kept if ingest.object_id in object_ids}

    def get(self, ingest_id: int) -> Ingest:
        """Return the object with this id."""
        return self._get(ingest_id)[0]

    def faults(self, ingest_id: int) -> tuple[IngestFault, ...]:
        """Return why something of it was refused."""
        return self._get(ingest_id)[1]

    def list(self, query: IngestQuery) -> tuple[Ingest, ...]:
        """Return the objects that are asked for, newest first."""
        wanted = [
            ingest
            for number, (ingest, _faults) in sorted(self.ingests.items(), reverse=True)
            if query.state in {None, ingest.state}
            and (query.before is None or number < query.before)
        ]
        return tuple(wanted[: query.limit])

    def counts(self) -> Mapping[IngestState, int]:
        """Count the objects of each state."""
        return Counter(ingest.state for ingest, _faults in self.ingests.values())

    def forget(self, before: dt.datetime) -> None:
        """Remove those that were taken in before."""
        for number, (ingest, _faults) in list(self.ingests.items()):
            if ingest.ingested_at < before:
                del self.ingests[number]

    def find_source(self, name: str) -> IngestSource | None:
        """Return how far the source is."""
        return self.sources.get(name)

    def put_source(self, source: IngestSource) -> None:
        """Store how far it is."""
        self.sources[source.name] = source

    def _get(self, ingest_id: int) -> Kept:
        if ingest_id not in self.ingests:
            raise NotFound("No ingest has this id.")
        return self.ingests[ingest_id]
