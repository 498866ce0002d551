"""Faults of databases."""

import sqlite3

from sqlalchemy import event

from data_layer.database import Database


def limit_values(database: Database, size_bytes: int) -> None:
    """Make a SQLite database refuse longer values on its new connections."""

    @event.listens_for(database.engines.reading, "connect")
    def limit_length(connection: sqlite3.Connection, _record: object) -> None:
        connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, size_bytes)
