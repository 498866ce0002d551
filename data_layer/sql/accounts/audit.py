"""Audit log in a table."""

import dataclasses
from collections.abc import Sequence

from data_layer.entities.audit_entry import AuditEntry, AuditQuery
from data_layer.ports.audit import AuditRepository
from data_layer.sql import models
from data_layer.sql.entity_mapper import EntityMapper
from data_layer.sql.transaction import Transaction


class SqlAlchemyAuditRepository(AuditRepository):
    """SQL implementation of `data_layer.ports.audit.AuditRepository`."""

    def __init__(self, transaction: Transaction) -> None:
        self._rows = EntityMapper(transaction.session, AuditEntry, models.AuditEntry)

    def add_many(self, entries: Sequence[AuditEntry]) -> None:
        """Insert the entries; do nothing if there are none."""
        self._rows.add_many(entries)

    def list(self, query: AuditQuery) -> tuple[AuditEntry, ...]:
        """Return entries, newest first; an index supports each condition."""
        columns = {
            name: getattr(models.AuditEntry, name) for name in ("caller", "action", "subject")
        }
        conditions = [
            column == value
            for name, column in columns.items()
            if (value := getattr(query, name)) is not None
        ]
        if query.before is not None:
            conditions.append(models.AuditEntry.id < query.before)
        entries = self._rows.list(*conditions, by=models.AuditEntry.id.desc(), limit=query.limit)
        return tuple(dataclasses.replace(entry, fields=tuple(entry.fields)) for entry in entries)
