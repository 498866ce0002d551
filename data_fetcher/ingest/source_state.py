"""Last scan and scan requests of an ingest source, shared by workers and API."""

import dataclasses
import datetime as dt
from dataclasses import dataclass

from common.clock import Clock, utc_now
from data_layer.entities.ingest import IngestSource
from data_layer.ports.unit_of_work import UnitOfWorkFactory
from data_layer.transaction_retries import retried_when_busy


@dataclass(frozen=True, slots=True)
class IngestSourceState:
    """State of a bucket or folder in the database, shared by all processes.

    Args:
        name: Its URL.
        unit_of_work: Opens transactions.
        clock: In UTC.
    """

    name: str
    unit_of_work: UnitOfWorkFactory
    clock: Clock = utc_now

    def get_state(self) -> IngestSource:
        """Return the stored state; empty if the source was never scanned or requested."""
        with self.unit_of_work(is_read_only=True) as uow:
            return uow.ingests.find_source(self.name) or IngestSource(name=self.name)

    @retried_when_busy
    def record_scan(self, error: str | None) -> None:
        """Store the end of a scan, with its error if it failed; commits."""
        with self.unit_of_work() as uow:
            state = uow.ingests.find_source(self.name) or IngestSource(name=self.name)
            uow.ingests.put_source(
                dataclasses.replace(state, scanned_at=self.clock(), last_error=error)
            )
            uow.commit()

    def is_scan_requested_since(self, started_at: dt.datetime) -> bool:
        """Return whether a scan was requested after this time."""
        requested_at = self.get_state().scan_requested_at
        return requested_at is not None and requested_at > started_at
