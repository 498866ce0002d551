"""The errors of SQLAlchemy and of the drivers, in the words of this project."""

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
"""When to try again after the database did not serve: locks are held for milliseconds."""

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

_NOT_OURS = frozenset({"OperationalError", "InterfaceError", "InternalError"})
"""Classes of errors that are no fault of a statement. Source: PEP 249, in every driver."""


@contextmanager
def translated_errors() -> Iterator[None]:
    """Turn SQLAlchemy's errors into those of `common.errors`; our own faults stay what they are."""
    try:
        yield
    except IntegrityError as error:
        raise Conflict("It contradicts what was stored meanwhile.") from error
    except PoolTimeoutError as error:
        raise _unavailable("Every connection to the database is in use.") from error
    except DBAPIError as error:
        # An error that has no statement came while a connection was made, unless it broke one.
        if error.statement is None and not error.connection_invalidated:
            raise not_connected(error.orig) from error
        if (translated := translate(error.orig)) is None:
            raise
        raise translated from error


def translate(error: BaseException | None) -> DatabaseUnavailable | None:
    """Return a driver's error in our words, or `None` where the fault is ours."""
    code = _code_of(error)
    if (busy_or_full := _busy_or_full(code)) is not None:
        return busy_or_full
    if code in _SLOW:
        return _unavailable("The database took too long.")
    if code in _NO_TABLE:
        return _unavailable("The database has no tables yet: the migrations make them.")
    if _NOT_OURS.isdisjoint(kind.__name__ for kind in type(error).__mro__):
        return None
    return _unavailable("The database can't be used at the moment.")


def not_connected(error: BaseException | None) -> DatabaseUnavailable:
    """Return a driver's error, which came while a connection was made, in our words."""
    return _busy_or_full(_code_of(error)) or DatabaseUnreachable(
        "The database can't be reached: check DATABASE_URL, or the URL that was given, and whether"
        " the database runs.",
        retry_after_seconds=RETRY_AFTER_SECONDS,
    )


def _busy_or_full(code: object) -> DatabaseUnavailable | None:
    if code in _BUSY:
        return DatabaseBusy(
            "Others have been writing to the database for too long.",
            retry_after_seconds=RETRY_AFTER_SECONDS,
        )
    if code in _FULL:
        return DatabaseFull("The database has no room left: nothing was stored, reads go on.")
    return None


def _unavailable(message: str) -> DatabaseUnavailable:
    return DatabaseUnavailable(message, retry_after_seconds=RETRY_AFTER_SECONDS)


def _code_of(error: object) -> object:
    """Return SQLite's primary result code, MariaDB's error number, or PostgreSQL's SQLSTATE."""
    if (extended := getattr(error, "sqlite_errorcode", None)) is not None:
        return extended & 0xFF
    first = next(iter(getattr(error, "args", ())), None)
    return first if isinstance(first, int) else getattr(error, "sqlstate", None)
