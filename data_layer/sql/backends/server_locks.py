"""Locks that a database server keeps for a connection, and takes back when that ends."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection

from data_layer.sql.backends.backend import Engines
from data_layer.sql.translation import translated_errors


@contextmanager
def lock_connection(engines: Engines) -> Iterator[Connection]:
    """Give a connection of its own for a lock; what it holds goes with it."""
    with translated_errors(), engines.reading.connect() as connection:
        try:
            yield connection
        finally:
            connection.invalidate()


def lock_number(database: str, name: str) -> int:
    """Return a number of 63 bits for a lock; advisory locks know no names."""
    digest = hashlib.blake2b(f"{database} {name}".encode(), digest_size=8).digest()
    return int.from_bytes(digest) >> 1
