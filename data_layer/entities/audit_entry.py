"""Entry of the audit log, and the query for entries."""

import datetime as dt
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEntry:
    """Record of one creation, change or removal.

    It contains names of resources and of changed fields, and never a secret.
    """

    at: dt.datetime
    """Time of the change, in UTC."""
    action: str
    """Name of the action, such as `movie.changed`."""
    subject: str
    """Path of the affected resource, such as `/movies/7`."""
    caller: str
    """Credential used: `key:0123abcd`, `user:alice`, `command line` or `anonymous`; or `seeding` or
    `ingestion`."""
    address: str
    """IP address of the client; empty without one."""
    request_id: str
    """Id of the HTTP request; empty without one."""
    fields: tuple[str, ...] = ()
    """Names of the changed fields of a partial change."""
    id: int | None = None
    """Ascending id; `None` until the entry is stored."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditQuery:
    """Conditions on entries, joined by AND; `None` does not restrict."""

    caller: str | None = None
    action: str | None = None
    subject: str | None = None
    before: int | None = None
    """Exclusive upper bound of the id."""
    limit: int = 50
