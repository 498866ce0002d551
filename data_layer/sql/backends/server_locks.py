"""Connections that hold server-side locks; closing the connection releases its locks."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection

from data_layer.sql.backends.backend import Engines
from data_layer.sql.error_translation import translated_errors


@contextmanager
def lock_connection(engines: Engines) -> Iterator[Connection]:
    """Yield a dedicated connection for a lock, and close it at the end to release the lock."""
    with translated_errors(), engines.reading.connect() as connection:
        try:
            yield connection
        finally:
            connection.invalidate()
