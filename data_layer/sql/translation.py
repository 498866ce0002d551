"""SQLAlchemy's errors, in the words of this project."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from common.errors import Conflict, DatabaseUnavailable

RETRY_AFTER_SECONDS = 1
"""When to try again after the database did not serve: locks are held for milliseconds."""


@contextmanager
def translated_errors(*driver_errors: type[Exception]) -> Iterator[None]:
    """Turn SQLAlchemy's errors, and these of a driver, into those of `common.errors`."""
    try:
        yield
    except IntegrityError as error:
        raise Conflict("It contradicts what was stored meanwhile.") from error
    except (DBAPIError, PoolTimeoutError) + driver_errors as error:  # noqa: RUF005 - mypy reads it.
        raise DatabaseUnavailable(
            "The database can't be used at the moment.", retry_after_seconds=RETRY_AFTER_SECONDS
        ) from error
