"""Locks that a database server keeps for a connection, and takes back when that ends."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection

from data_layer.sql.backends.backend import Engines
from data_layer.sql.error_translation import translated_errors


@contextmanager
def lock_connection(engines: Engines) -> Iterator[Connection]:
    """Give a connection of its own for a lock; what it holds goes with it."""
    with translated_errors(), engines.reading.connect() as connection:
        try:
            yield connection
        finally:
            connection.invalidate()
