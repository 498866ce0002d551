"""SQLAlchemy's errors, in the words of this project."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from common.errors import Conflict, DatabaseUnavailable

RETRY_AFTER_SECONDS = 1
"""When to try again after the database did not serve: locks are held for milliseconds."""


def unavailable(*, has_connected: bool) -> DatabaseUnavailable:
    """Return the error that says that the database did not serve."""
    message = (
        "The database can't be used at the moment."
        if has_connected
        else "The database can't be reached: check DATABASE_URL, and whether the database runs."
    )
    return DatabaseUnavailable(message, retry_after_seconds=RETRY_AFTER_SECONDS)


@contextmanager
def translated_errors() -> Iterator[None]:
    """Turn SQLAlchemy's errors into those of `common.errors`."""
    try:
        yield
    except IntegrityError as error:
        raise Conflict("It contradicts what was stored meanwhile.") from error
    except (DBAPIError, PoolTimeoutError) as error:
        # An error that has no statement came while a connection was made.
        raise unavailable(has_connected=getattr(error, "statement", "") is not None) from error
