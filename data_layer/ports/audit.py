"""Repository of the audit log."""

from collections.abc import Sequence
from typing import Protocol

from data_layer.entities.audit_entry import AuditEntry, AuditQuery


class AuditRepository(Protocol):
    """Append-only audit log. Entries are neither changed nor deleted."""

    def add_many(self, entries: Sequence[AuditEntry]) -> None:
        """Append entries in order, with consecutive new ids."""
        ...

    def list(self, query: AuditQuery) -> tuple[AuditEntry, ...]:
        """Return the matching entries, newest first, at most `query.limit`."""
        ...
