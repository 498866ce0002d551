"""Writer of audit entries, to the database and to the log."""

import dataclasses
from functools import partial

import structlog

from data_layer.entities.audit_entry import AuditEntry
from data_layer.ports.unit_of_work import UnitOfWork

_log = structlog.get_logger(__name__)


def write_audit(uow: UnitOfWork, *entries: AuditEntry) -> None:
    """Store entries in the transaction of the audited change, and log them after its commit.

    Entries without a request id come from the command line, which shows its own output; they are
    not logged. Does not commit.
    """
    uow.audit.add_many(entries)
    for entry in entries:
        if entry.request_id:
            uow.after_commit(partial(_log_entry, entry))


def _log_entry(entry: AuditEntry) -> None:
    shown = dataclasses.asdict(entry)
    del shown["at"], shown["id"]  # The log adds its own timestamp, and the id is still `None`.
    _log.info("audit", **shown)
