"""Ingest history and status, for operators."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass

from common.clock import Clock, utc_now
from common.errors import Conflict
from data_layer.entities.ingest import (
    Ingest,
    IngestError,
    IngestQuery,
    IngestSource,
    IngestState,
)
from data_layer.ports.result_recorder import ResultRecorder, record_nothing
from data_layer.ports.unit_of_work import UnitOfWorkFactory
from data_layer.transaction_retries import retried_when_busy
from movies_service.accounts.caller import Caller


@dataclass(frozen=True, slots=True)
class IngestStatus:
    """State of the ingest source, and number of objects by state."""

    source: IngestSource | None
    objects: Mapping[IngestState, int]


@dataclass(frozen=True, slots=True)
class IngestHistory:
    """The ingested objects, and scan requests; without a source, ingestion is disabled."""

    unit_of_work: UnitOfWorkFactory
    source: str | None = None
    clock: Clock = utc_now

    def list(self, query: IngestQuery) -> tuple[Ingest, ...]:
        """Return the matching objects, newest first."""
        with self.unit_of_work(is_read_only=True) as uow:
            return uow.ingests.list(query)

    def get(self, ingest_id: int) -> Ingest:
        """Return the ingested object with this ID."""
        with self.unit_of_work(is_read_only=True) as uow:
            return uow.ingests.get(ingest_id)

    def list_errors(self, ingest_id: int) -> tuple[IngestError, ...]:
        """Return the errors of an object's rejected updates."""
        with self.unit_of_work(is_read_only=True) as uow:
            return uow.ingests.list_errors(ingest_id)

    def get_status(self) -> IngestStatus:
        """Return the current status, shared by all processes.

        A source that was never scanned has only its name; without a source it is `None`.
        """
        with self.unit_of_work(is_read_only=True) as uow:
            stored = uow.ingests.find_source(self.source) if self.source else None
            unscanned = None if self.source is None else IngestSource(name=self.source)
            return IngestStatus(stored or unscanned, uow.ingests.counts())

    @retried_when_busy
    def request_scan(
        self, by: Caller, record: ResultRecorder[IngestSource] = record_nothing
    ) -> IngestSource:
        """Request a scan of the source, commit, and return the state of the source.

        Raises:
            Conflict: ingestion is disabled.
        """
        if self.source is None:
            raise Conflict("Ingestion is disabled: set MOVIES_INGEST_SOURCE.")
        with self.unit_of_work() as uow:
            source = uow.ingests.find_source(self.source) or IngestSource(name=self.source)
            source = dataclasses.replace(source, scan_requested_at=self.clock())
            uow.ingests.put_source(source)
            by.write_audit(uow, "ingest.scan_requested", "/ingests")
            record(uow, source)
            uow.commit()
        return source
