"""How far sources are: told by those who ingest, asked by those who wait."""

import dataclasses
import datetime as dt
from dataclasses import dataclass

from common.clock import Clock, utc_now
from data_layer.entities.ingest import IngestSource
from data_layer.ports.unit_of_work import UnitOfWorkFactory
from data_layer.retries import retried_when_busy


@dataclass(frozen=True, slots=True)
class Source:
    """A bucket or folder, as all processes know it.

    Args:
        name: its URL.
        unit_of_work: opens transactions.
        clock: in UTC.
    """

    name: str
    unit_of_work: UnitOfWorkFactory
    clock: Clock = utc_now

    def state(self) -> IngestSource:
        """Return how far it is."""
        with self.unit_of_work(is_read_only=True) as uow:
            return uow.ingests.find_source(self.name) or IngestSource(name=self.name)

    @retried_when_busy
    def note(self, problem: str | None) -> None:
        """Say how a look at it has ended; commits."""
        with self.unit_of_work() as uow:
            known = uow.ingests.find_source(self.name) or IngestSource(name=self.name)
            uow.ingests.put_source(
                dataclasses.replace(known, looked_at=self.clock(), problem=problem)
            )
            uow.commit()

    def is_wanted_since(self, looked_at: dt.datetime) -> bool:
        """Tell whether somebody has asked for a look since."""
        wanted_at = self.state().wanted_at
        return wanted_at is not None and wanted_at > looked_at
