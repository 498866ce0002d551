"""The record of who did what."""

from typing import Protocol

from data_layer.entities.audit_entry import AuditEntry, AuditQuery


class AuditRepository(Protocol):
    """Keeps entries for ever; they are neither changed nor removed."""

    def add(self, entry: AuditEntry) -> None:
        """Store a new entry, under the next id."""
        ...

    def list(self, query: AuditQuery) -> tuple[AuditEntry, ...]:
        """Return the entries that are asked for, newest first."""
        ...
