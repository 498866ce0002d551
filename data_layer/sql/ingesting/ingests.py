"""The objects with updates that were taken in, in tables."""

import datetime as dt
from collections.abc import Collection, Mapping, Sequence

import orjson
from sqlalchemy import delete, insert, select
from sqlalchemy.orm import Session

from common.batches import chunks
from common.errors import NotFound
from data_layer.entities.ingest import (
    Ingest,
    IngestFault,
    IngestQuery,
    IngestSource,
    IngestState,
)
from data_layer.sql import models
from data_layer.sql.entity_mapper import EntityRows

_TABLE = models.table_of(models.Ingest)
_ROW = _TABLE.c
_KEYS_AT_ONCE = 1_000
_FORGOTTEN_AT_ONCE = 10_000


class SqlAlchemyIngestRepository:
    """See `data_layer.ports.ingests.IngestRepository`."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._rows = EntityRows(session, Ingest, models.Ingest)
        self._sources = EntityRows(session, IngestSource, models.IngestSource)

    def add_many(self, ingests: Sequence[tuple[Ingest, Sequence[IngestFault]]]) -> None:
        """Insert the rows; a unique column tells which versions are there already."""
        rows = [
            {**self._rows.columns_of(ingest), "faults": orjson.dumps(faults)}
            for ingest, faults in ingests
        ]
        self._session.connection().execute(insert(_TABLE), rows)

    def known(self, object_ids: Collection[bytes]) -> Mapping[bytes, Ingest]:
        """Look the versions up."""
        return {
            ingest.object_id: ingest
            for ids in chunks(list(object_ids), _KEYS_AT_ONCE)
            for ingest in self._rows.list(_ROW.object_id.in_(ids), by=_ROW.id)
        }

    def get(self, ingest_id: int) -> Ingest:
        """Look the id up."""
        ingest = self._rows.find(_ROW.id == ingest_id)
        if ingest is None:
            raise _unknown()
        return ingest

    def faults(self, ingest_id: int) -> tuple[IngestFault, ...]:
        """Read the column that nobody else reads."""
        statement = select(_ROW.faults).where(_ROW.id == ingest_id)
        row = self._session.connection().execute(statement).first()
        if row is None:
            raise _unknown()
        return tuple(IngestFault(**fault) for fault in orjson.loads(row.faults))

    def list(self, query: IngestQuery) -> tuple[Ingest, ...]:
        """Read objects backwards, by an index."""
        return self._rows.newest(query.state, query.before, query.limit)

    def counts(self) -> Mapping[IngestState, int]:
        """Count along an index."""
        counts = self._rows.count_states().items()
        return {IngestState(state): number for state, number in counts}

    def forget(self, before: dt.datetime) -> None:
        """Delete by an index, some at a time."""
        old = select(_ROW.id).where(_ROW.ingested_at < before).limit(_FORGOTTEN_AT_ONCE)
        ids = list(self._session.scalars(old))
        self._session.execute(delete(_TABLE).where(_ROW.id.in_(ids)))

    def find_source(self, name: str) -> IngestSource | None:
        """Look the name up."""
        return self._sources.find(models.IngestSource.name == name)

    def put_source(self, source: IngestSource) -> None:
        """Delete what was there, and insert."""
        self._sources.remove(models.IngestSource.name == source.name)
        self._sources.add(source)


def _unknown() -> NotFound:
    return NotFound("No ingest has this id.")
