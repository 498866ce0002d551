"""The record of who did what, in a table."""

import dataclasses
from collections.abc import Sequence

from sqlalchemy.orm import Session

from data_layer.entities.audit_entry import AuditEntry, AuditQuery
from data_layer.sql import models
from data_layer.sql.entity_mapper import EntityRows


class SqlAlchemyAuditRepository:
    """See `data_layer.ports.audit.AuditRepository`."""

    def __init__(self, session: Session) -> None:
        self._rows = EntityRows(session, AuditEntry, models.AuditEntry)

    def add_many(self, entries: Sequence[AuditEntry]) -> None:
        """Insert the entries."""
        self._rows.add_many(entries)

    def list(self, query: AuditQuery) -> tuple[AuditEntry, ...]:
        """Read entries backwards; each condition has an index."""
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
