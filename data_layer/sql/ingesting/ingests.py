"""Ingested object versions and ingest sources in tables."""

import datetime as dt
from collections.abc import Collection, Mapping, Sequence

import orjson
from sqlalchemy import delete, insert, select

from common.batches import batched
from common.errors import NotFound
from data_layer.entities.ingest import Ingest, IngestError, IngestQuery, IngestSource, IngestState
from data_layer.ports.ingests import IngestRepository
from data_layer.sql import models
from data_layer.sql.entity_mapper import EntityMapper
from data_layer.sql.transaction import Transaction

_TABLE = models.table_of(models.Ingest)
_ROW = _TABLE.c
_KEYS_AT_ONCE = 1_000
_DELETE_BATCH = 10_000


class SqlAlchemyIngestRepository(IngestRepository):
    """SQL implementation of `data_layer.ports.ingests.IngestRepository`."""

    def __init__(self, transaction: Transaction) -> None:
        self._session = transaction.session
        self._rows = EntityMapper(transaction.session, Ingest, models.Ingest)
        self._sources = EntityMapper(transaction.session, IngestSource, models.IngestSource)

    def add_many(self, ingests: Sequence[tuple[Ingest, Sequence[IngestError]]]) -> None:
        """Insert the object versions with their errors; a unique column rejects a known version."""
        rows = [
            {**self._rows.columns_of(ingest), "errors": orjson.dumps(errors)}
            for ingest, errors in ingests
        ]
        self._session.connection().execute(insert(_TABLE), rows)

    def find_existing(self, object_ids: Collection[bytes]) -> Mapping[bytes, Ingest]:
        """Return the stored object versions among these ids, by id."""
        return {
            ingest.object_id: ingest
            for ids in batched(list(object_ids), _KEYS_AT_ONCE)
            for ingest in self._rows.list(_ROW.object_id.in_(ids), by=_ROW.id)
        }

    def get(self, ingest_id: int) -> Ingest:
        """Return the object version with this id."""
        ingest = self._rows.find(_ROW.id == ingest_id)
        if ingest is None:
            raise _unknown()
        return ingest

    def list_errors(self, ingest_id: int) -> tuple[IngestError, ...]:
        """Return the errors of an object version, in their order."""
        statement = select(_ROW.errors).where(_ROW.id == ingest_id)
        row = self._session.connection().execute(statement).first()
        if row is None:
            raise _unknown()
        return tuple(IngestError(**error) for error in orjson.loads(row.errors))

    def list(self, query: IngestQuery) -> tuple[Ingest, ...]:
        """Return object versions, newest first, found by an index."""
        return self._rows.newest(query.state, query.before, query.limit)

    def counts(self) -> Mapping[IngestState, int]:
        """Return the number of object versions by state. Scans the index on the state."""
        counts = self._rows.count_states().items()
        return {IngestState(state): number for state, number in counts}

    def delete_before(self, before: dt.datetime) -> None:
        """Delete object versions ingested before this time, at most 10,000 per call."""
        old = select(_ROW.id).where(_ROW.ingested_at < before).limit(_DELETE_BATCH)
        ids = list(self._session.scalars(old))
        self._session.execute(delete(_TABLE).where(_ROW.id.in_(ids)))

    def find_source(self, name: str) -> IngestSource | None:
        """Return the source with this name, or None."""
        return self._sources.find(models.IngestSource.name == name)

    def put_source(self, source: IngestSource) -> None:
        """Insert the source, or replace the one with the same name."""
        self._sources.remove(models.IngestSource.name == source.name)
        self._sources.add(source)


def _unknown() -> NotFound:
    return NotFound("No ingest has this id.")
