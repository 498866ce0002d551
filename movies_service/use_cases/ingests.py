"""What was taken in from a bucket or folder, for those who operate the service."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass

from common.clock import Clock, utc_now
from common.errors import Conflict
from data_layer.entities.ingest import (
    Ingest,
    IngestFault,
    IngestQuery,
    IngestSource,
    IngestState,
)
from data_layer.ports.unit_of_work import UnitOfWorkFactory
from data_layer.retries import retried_when_busy
from movies_service.accounts.caller import Caller


@dataclass(frozen=True, slots=True)
class IngestView:
    """The state of the source and of what came from it, at one moment."""

    source: IngestSource | None
    objects: Mapping[IngestState, int]


@dataclass(frozen=True, slots=True)
class Ingests:
    """The objects that were taken in.

    Args:
        unit_of_work: opens transactions.
        source: URL of the bucket or folder; `None` where there is none.
        clock: in UTC.
    """

    unit_of_work: UnitOfWorkFactory
    source: str | None = None
    clock: Clock = utc_now

    def list(self, query: IngestQuery) -> tuple[Ingest, ...]:
        """Return the objects that are asked for, newest first."""
        with self.unit_of_work(is_read_only=True) as uow:
            return uow.ingests.list(query)

    def get(self, ingest_id: int) -> Ingest:
        """Return the object with this id.

        Raises:
            NotFound: there is none.
        """
        with self.unit_of_work(is_read_only=True) as uow:
            return uow.ingests.get(ingest_id)

    def faults(self, ingest_id: int) -> tuple[IngestFault, ...]:
        """Return why something of it was refused.

        Raises:
            NotFound: there is no object with this id.
        """
        with self.unit_of_work(is_read_only=True) as uow:
            return uow.ingests.faults(ingest_id)

    def look(self) -> IngestView:
        """Return how it is now, for all processes together."""
        with self.unit_of_work(is_read_only=True) as uow:
            known = uow.ingests.find_source(self.source) if self.source else None
            unseen = None if self.source is None else IngestSource(name=self.source)
            return IngestView(known or unseen, uow.ingests.counts())

    @retried_when_busy
    def ask(self, by: Caller) -> IngestSource:
        """Have the source looked at soon, commit, and return how far it is.

        Raises:
            Conflict: there is no source.
        """
        if self.source is None:
            raise Conflict("No updates are taken in: set MOVIES_INGEST_SOURCE.")
        with self.unit_of_work() as uow:
            known = uow.ingests.find_source(self.source) or IngestSource(name=self.source)
            wanted = dataclasses.replace(known, wanted_at=self.clock())
            uow.ingests.put_source(wanted)
            by.note(uow, "ingest.wanted", "/ingests")
            by.keep(uow, wanted)
            uow.commit()
        return wanted
