"""The record of who did what."""

from collections.abc import Sequence
from typing import Protocol

from data_layer.entities.audit_entry import AuditEntry, AuditQuery


class AuditRepository(Protocol):
    """Keeps entries for ever; they are neither changed nor removed."""

    def add_many(self, entries: Sequence[AuditEntry]) -> None:
        """Store new entries, in their order, under the next ids."""
        ...

    def list(self, query: AuditQuery) -> tuple[AuditEntry, ...]:
        """Return the entries that are asked for, newest first."""
        ...
