"""A line of the record of who did what."""

import datetime as dt
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEntry:
    """That something was created, changed or removed. The time is in UTC.

    It never holds a secret: only names of things, and of the fields that changed.
    """

    at: dt.datetime
    action: str
    """Such as `movie.changed`."""
    subject: str
    """To what, such as `/movies/7`."""
    caller: str
    """By which credential: `key:0123abcd`, `user:alice`, `command line`, or `nobody`."""
    address: str
    """From where; empty for the command line."""
    request_id: str
    fields: tuple[str, ...] = ()
    """Which fields have changed, where only some have."""
    id: int | None = None
    """Rises with time; `None` until it is stored."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditQuery:
    """Which entries are wanted; each condition that is given has to hold."""

    caller: str | None = None
    action: str | None = None
    subject: str | None = None
    before: int | None = None
    """Entries older than the one with this id."""
    limit: int = 50
