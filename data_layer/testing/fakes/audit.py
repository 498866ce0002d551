"""Audit log in a list."""

import dataclasses
from collections.abc import Sequence

from data_layer.entities.audit_entry import AuditEntry, AuditQuery
from data_layer.ports.audit import AuditRepository


class FakeAuditRepository(AuditRepository):
    """In-memory `data_layer.ports.audit.AuditRepository`."""

    def __init__(self) -> None:
        self.rows: list[AuditEntry] = []

    def add_many(self, entries: Sequence[AuditEntry]) -> None:
        """Append entries with consecutive ids from 1."""
        for entry in entries:
            self.rows.append(dataclasses.replace(entry, id=len(self.rows) + 1))

    def list(self, query: AuditQuery) -> tuple[AuditEntry, ...]:
        """Return the matching entries, newest first."""
        matching = [
            entry
            for number, entry in enumerate(self.rows, 1)
            if query.caller in {None, entry.caller}
            and query.action in {None, entry.action}
            and query.subject in {None, entry.subject}
            and (query.before is None or number < query.before)
        ]
        return tuple(reversed(matching))[: query.limit]
