"""Locks between processes that the operating system takes back when their holder dies."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from sqlalchemy.engine import make_url

from common.errors import DatabaseUnavailable


@contextmanager
def try_lock(database_url: str, name: str) -> Iterator[bool]:
    """Try to take a lock that belongs to a database; give whether it was free.

    It is held until the context ends, or until the process does, however it dies.

    Args:
        database_url: SQLite's; the lock is a file beside the database's.
        name: what is to be done by one process at a time, such as `seeding`.

    Raises:
        DatabaseUnavailable: there is no such folder, or nothing may be written in it.
    """
    with _open_lock_file(database_url, name) as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            is_held = False
        else:
            is_held = True
        yield is_held


@contextmanager
def wait_for_lock(database_url: str, name: str) -> Iterator[None]:
    """Take the lock of `try_lock`, waiting for as long as somebody else holds it."""
    with _open_lock_file(database_url, name) as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _open_lock_file(database_url: str, name: str) -> IO[str]:
    try:
        return Path(f"{make_url(database_url).database}.{name}.lock").open("w")
    except OSError:
        raise DatabaseUnavailable(
            "The database's folder is missing or can't be written to: check DATABASE_URL."
        ) from None
