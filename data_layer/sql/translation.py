"""SQLAlchemy's errors, in the words of this project."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from common.errors import Conflict, DatabaseUnavailable

RETRY_AFTER_SECONDS = 1
"""When to try again after the database did not serve: locks are held for milliseconds."""


def unavailable() -> DatabaseUnavailable:
    """Return the error that says that the database did not serve."""
    return DatabaseUnavailable(
        "The database can't be used at the moment.", retry_after_seconds=RETRY_AFTER_SECONDS
    )


@contextmanager
def translated_errors() -> Iterator[None]:
    """Turn SQLAlchemy's errors into those of `common.errors`."""
    try:
        yield
    except IntegrityError as error:
        raise Conflict("It contradicts what was stored meanwhile.") from error
    except (DBAPIError, PoolTimeoutError) as error:
        raise unavailable() from error
