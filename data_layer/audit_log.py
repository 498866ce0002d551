"""Writing the record of who did what, in the database and in the log."""

import dataclasses
from functools import partial

import structlog

from data_layer.entities.audit_entry import AuditEntry
from data_layer.ports.unit_of_work import UnitOfWork

_log = structlog.get_logger(__name__)


def write_audit(uow: UnitOfWork, *entries: AuditEntry) -> None:
    """Store entries in the transaction that does what they say, and log them behind that.

    Whoever runs a command sees what it does: entries without a request are not logged.
    """
    uow.audit.add_many(entries)
    for entry in entries:
        if entry.request_id:
            uow.after_commit(partial(_log_entry, entry))


def _log_entry(entry: AuditEntry) -> None:
    shown = dataclasses.asdict(entry)
    del shown["at"], shown["id"]  # The log has a time of its own, and the id is not known.
    _log.info("audit", **shown)
