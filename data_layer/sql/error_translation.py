"""Translation of errors of SQLAlchemy and the database drivers into `common.errors`."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from common.errors import (
    Conflict,
    DatabaseBusy,
    DatabaseDamaged,
    DatabaseFull,
    DatabaseLimitExceeded,
    DatabaseReadOnly,
    DatabaseUnavailable,
    DatabaseUnreachable,
    MoviesError,
)

RETRY_AFTER_SECONDS = 1
"""Delay before a retry. It is short, because locks are held for milliseconds only."""

PACKET_TOO_LARGE = 1153
"""MariaDB's number of the error for a statement longer than `max_allowed_packet`."""

_BUSY = frozenset(
    {
        *("40001", "40P01", "55P03"),  # Serialization failure, deadlock, lock timeout.
        *(1213, 1205, 1020),  # MariaDB: deadlock, lock timeout, changed since it was read.
        *(sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED),
    }
)
_FULL = frozenset({"53100", 1021, 1026, 1114, sqlite3.SQLITE_FULL})
_READ_ONLY = frozenset(
    {
        "25006",  # A standby, or `default_transaction_read_only`.
        *(1036, 1290, 1792, 1836),  # MariaDB: `read_only`, a table or transaction that is.
        sqlite3.SQLITE_READONLY,
    }
)
_DAMAGED = frozenset(
    {
        *("XX001", "XX002"),  # PostgreSQL: corrupt data, corrupt index.
        *(1034, 1194, 1195, 1712, 1877),  # MariaDB: corrupt index or table.
        *(sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB),
    }
)
_TOO_LARGE = frozenset({"54000", PACKET_TOO_LARGE, 1118, sqlite3.SQLITE_TOOBIG})
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
        DatabaseLimitExceeded: A value is too large.
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


def translate(error: BaseException | None) -> MoviesError | None:
    """Return the translation of a driver's error, or None if the error indicates a bug."""
    code = _code_of(error)
    if (fault := _fault_of(code)) is not None:
        return fault
    if code in _SLOW:
        return _unavailable("The database statement timed out.")
    if code in _NO_TABLE:
        return _unavailable("The database has no tables: run `migrate`.")
    if _UNAVAILABLE.isdisjoint(kind.__name__ for kind in type(error).__mro__):
        return None
    return _unavailable("The database is temporarily unavailable.")


def not_connected(error: BaseException | None) -> MoviesError:
    """Return the translation of a driver's error that occurred while connecting."""
    return _fault_of(_code_of(error)) or DatabaseUnreachable(
        "The database can't be reached: check DATABASE_URL or the given URL, and that the database"
        " is running.",
        retry_after_seconds=RETRY_AFTER_SECONDS,
    )


def _fault_of(code: object) -> MoviesError | None:
    """Return the error of a code that has the same meaning at any time, or None."""
    if code in _BUSY:
        return DatabaseBusy(
            "Timed out waiting for the database write lock.",
            retry_after_seconds=RETRY_AFTER_SECONDS,
        )
    if code in _FULL:
        return DatabaseFull("The database is out of space: nothing was stored, reads still work.")
    if code in _READ_ONLY:
        return DatabaseReadOnly(
            "The database is read-only: nothing was stored, reads still work. Make the server or"
            " the file writable, or set DATABASE_URL to the primary server."
        )
    if code in _DAMAGED:
        return DatabaseDamaged(
            "The database is damaged: stop the service, restore a backup or repair the database,"
            " and start the service again."
        )
    if code in _TOO_LARGE:
        hint = " MariaDB's max_allowed_packet is the limit." if code == PACKET_TOO_LARGE else ""
        return DatabaseLimitExceeded(
            f"The values are larger than the database accepts: nothing was stored.{hint}"
        )
    return None


def _unavailable(message: str) -> DatabaseUnavailable:
    return DatabaseUnavailable(message, retry_after_seconds=RETRY_AFTER_SECONDS)


def _code_of(error: object) -> object:
    """Return SQLite's primary result code, MariaDB's error number, or PostgreSQL's SQLSTATE."""
    if (extended := getattr(error, "sqlite_errorcode", None)) is not None:
        return extended & 0xFF
    first = next(iter(getattr(error, "args", ())), None)
    return first if isinstance(first, int) else getattr(error, "sqlstate", None)
