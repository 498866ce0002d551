"""Ingested objects and source states in dictionaries."""

import dataclasses
import datetime as dt
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from types import MappingProxyType

from common.errors import Conflict, NotFound
from data_layer.entities.ingest import (
    Ingest,
    IngestError,
    IngestQuery,
    IngestSource,
    IngestState,
)
from data_layer.ports.ingests import IngestRepository

StoredIngest = tuple[Ingest, tuple[IngestError, ...]]


class IngestRows(dict[int, StoredIngest]):
    """Ingested objects by id, and the source states by name (replaced, since copies share it)."""

    sources: Mapping[str, IngestSource] = MappingProxyType({})


class FakeIngestRepository(IngestRepository):
    """In-memory `data_layer.ports.ingests.IngestRepository`."""

    def __init__(self) -> None:
        self.rows = IngestRows()

    def add_many(self, ingests: Sequence[tuple[Ingest, Sequence[IngestError]]]) -> None:
        """Store ingested objects with consecutive new ids."""
        for ingest, errors in ingests:
            if self.find_existing([ingest.object_id]):
                raise Conflict("This version of the object was ingested before.")
            number = max(self.rows, default=0) + 1
            self.rows[number] = dataclasses.replace(ingest, id=number), tuple(errors)

    def find_existing(self, object_ids: Collection[bytes]) -> Mapping[bytes, Ingest]:
        """Return the stored ones of these versions."""
        ingests = (ingest for ingest, _errors in self.rows.values())
        return {ingest.object_id: ingest for ingest in ingests if ingest.object_id in object_ids}

    def get(self, ingest_id: int) -> Ingest:
        """Return the ingested object with this id."""
        return self._get(ingest_id)[0]

    def list_errors(self, ingest_id: int) -> tuple[IngestError, ...]:
        """Return the errors of the ingested object with this id."""
        return self._get(ingest_id)[1]

    def list(self, query: IngestQuery) -> tuple[Ingest, ...]:
        """Return the matching objects, newest first."""
        matching = [
            ingest
            for number, (ingest, _errors) in sorted(self.rows.items(), reverse=True)
            if query.state in {None, ingest.state}
            and (query.before is None or number < query.before)
        ]
        return tuple(matching[: query.limit])

    def counts(self) -> Mapping[IngestState, int]:
        """Return the number of objects in each state."""
        return Counter(ingest.state for ingest, _errors in self.rows.values())

    def delete_before(self, before: dt.datetime) -> None:
        """Delete the objects ingested before this time."""
        for number, (ingest, _errors) in list(self.rows.items()):
            if ingest.ingested_at < before:
                del self.rows[number]

    def find_source(self, name: str) -> IngestSource | None:
        """Return the state of the source, or `None`."""
        return self.rows.sources.get(name)

    def put_source(self, source: IngestSource) -> None:
        """Store the state of the source."""
        self.rows.sources = {**self.rows.sources, source.name: source}

    def _get(self, ingest_id: int) -> StoredIngest:
        if ingest_id not in self.rows:
            raise NotFound("No ingest has this id.")
        return self.rows[ingest_id]
