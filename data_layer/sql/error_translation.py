"""Translation of errors of SQLAlchemy and the database drivers into `common.errors`."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from common.errors import (
    Conflict,
    DatabaseBusy,
    DatabaseFull,
    DatabaseUnavailable,
    DatabaseUnreachable,
)

RETRY_AFTER_SECONDS = 1
"""Delay before a retry. It is short, because locks are held for milliseconds only."""

_BUSY = frozenset(
    {
        *("40001", "40P01", "55P03"),  # Serialization failure, deadlock, lock timeout.
        *(1213, 1205, 1020),  # MariaDB: deadlock, lock timeout, changed since it was read.
        *(sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED),
    }
)
_FULL = frozenset({"53100", 1021, 1114, sqlite3.SQLITE_FULL})
_SLOW = frozenset({"57014", 1969})
_NO_TABLE = frozenset({"42P01", 1146})

_UNAVAILABLE = frozenset({"OperationalError", "InterfaceError", "InternalError"})
"""Error classes that are not caused by a wrong statement. Source: PEP 249, in every driver."""


@contextmanager
def translated_errors() -> Iterator[None]:
    """Translate errors of SQLAlchemy; errors that indicate a bug pass unchanged.

    Raises:
        Conflict: A constraint was violated.
        DatabaseUnavailable: The database failed.
    """
    try:
        yield
    except IntegrityError as error:
        raise Conflict("The change conflicts with a concurrent write.") from error
    except PoolTimeoutError as error:
        raise _unavailable("All database connections are in use.") from error
    except DBAPIError as error:
        # An error without a statement occurred while connecting, unless it broke a connection.
        if error.statement is None and not error.connection_invalidated:
            raise not_connected(error.orig) from error
        if (translated := translate(error.orig)) is None:
            raise
        raise translated from error


def translate(error: BaseException | None) -> DatabaseUnavailable | None:
    """Return the translation of a driver's error, or None if the error indicates a bug."""
    code = _code_of(error)
    if (busy_or_full := _busy_or_full(code)) is not None:
        return busy_or_full
    if code in _SLOW:
        return _unavailable("The database statement timed out.")
    if code in _NO_TABLE:
        return _unavailable("The database has no tables: run `migrate`.")
    if _UNAVAILABLE.isdisjoint(kind.__name__ for kind in type(error).__mro__):
        return None
    return _unavailable("The database is temporarily unavailable.")


def not_connected(error: BaseException | None) -> DatabaseUnavailable:
    """Return the translation of a driver's error that occurred while connecting."""
    return _busy_or_full(_code_of(error)) or DatabaseUnreachable(
        "The database can't be reached: check DATABASE_URL or the given URL, and that the database"
        " is running.",
        retry_after_seconds=RETRY_AFTER_SECONDS,
    )


def _busy_or_full(code: object) -> DatabaseUnavailable | None:
    if code in _BUSY:
        return DatabaseBusy(
            "Timed out waiting for the database write lock.",
            retry_after_seconds=RETRY_AFTER_SECONDS,
        )
    if code in _FULL:
        return DatabaseFull("The database is out of space: nothing was stored, reads still work.")
    return None


def _unavailable(message: str) -> DatabaseUnavailable:
    return DatabaseUnavailable(message, retry_after_seconds=RETRY_AFTER_SECONDS)


def _code_of(error: object) -> object:
    """Return SQLite's primary result code, MariaDB's error number, or PostgreSQL's SQLSTATE."""
    if (extended := getattr(error, "sqlite_errorcode", None)) is not None:
        return extended & 0xFF
    first = next(iter(getattr(error, "args", ())), None)
    return first if isinstance(first, int) else getattr(error, "sqlstate", None)
