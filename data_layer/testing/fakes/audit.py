"""The record of who did what, in a list."""

import dataclasses
from collections.abc import Sequence

from data_layer.entities.audit_entry import AuditEntry, AuditQuery


class FakeAuditRepository:
    """See `data_layer.ports.audit.AuditRepository`."""

    def __init__(self, entries: list[AuditEntry]) -> None:
        self.entries = entries

    def add_many(self, entries: Sequence[AuditEntry]) -> None:
        """Append the entries."""
        for entry in entries:
            self.entries.append(dataclasses.replace(entry, id=len(self.entries) + 1))

    def list(self, query: AuditQuery) -> tuple[AuditEntry, ...]:
        """Return the entries that are asked for, newest first."""
        wanted = [
            entry
            for number, entry in enumerate(self.entries, 1)
            if query.caller in {None, entry.caller}
            and query.action in {None, entry.action}
            and query.subject in {None, entry.subject}
            and (query.before is None or number < query.before)
        ]
        return tuple(reversed(wanted))[: query.limit]
