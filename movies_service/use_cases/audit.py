"""Audit log: read access."""

from data_layer.entities.audit_entry import AuditEntry, AuditQuery
from data_layer.ports.unit_of_work import UnitOfWorkFactory


class Audit:
    """Read access to the audit log; `Caller.write_audit` adds entries."""

    def __init__(self, unit_of_work: UnitOfWorkFactory) -> None:
        self._unit_of_work = unit_of_work

    def list(self, query: AuditQuery) -> tuple[AuditEntry, ...]:
        """Return the matching entries, newest first."""
        with self._unit_of_work(is_read_only=True) as uow:
            return uow.audit.list(query)
