"""Removal of indexes and foreign keys for bulk inserts.

Creating them once at the end costs less than updating them with every row.
"""

from collections.abc import Iterable, Iterator

from sqlalchemy import Connection, ForeignKeyConstraint, Index, inspect
from sqlalchemy.schema import AddConstraint, DropConstraint

from data_layer.sql.models import Base


def drop_constraints(connection: Connection) -> None:
    """Drop every index and foreign key of the models that exists in the database."""
    for table, names in _names_by_table(connection):
        for key in _foreign_keys(connection, table):
            if key.name in names:
                connection.execute(DropConstraint(key))
    for table, names in _names_by_table(connection):
        for index in _indexes(table):
            if index.name in names:
                index.drop(connection)


def restore_constraints(connection: Connection) -> None:
    """Create every index and foreign key of the models that is missing in the database."""
    for table, names in _names_by_table(connection):
        for index in _indexes(table):
            if index.name not in names:
                index.create(connection)
    for table, names in _names_by_table(connection):
        for key in _foreign_keys(connection, table):
            if key.name not in names:
                connection.execute(AddConstraint(key))


def _names_by_table(connection: Connection) -> Iterator[tuple[str, set[str | None]]]:
    """Yield each table with the names of its present indexes and foreign keys."""
    inspector = inspect(connection)
    for table in Base.metadata.sorted_tables:
        indexes = {index["name"] for index in inspector.get_indexes(table.name)}
        yield table.name, indexes | {key["name"] for key in inspector.get_foreign_keys(table.name)}


def _indexes(table: str) -> Iterable[Index]:
    return Base.metadata.tables[table].indexes


def _foreign_keys(connection: Connection, table: str) -> Iterable[ForeignKeyConstraint]:
    """Return the foreign keys of a table; none on SQLite, which cannot drop or add one."""
    keys = Base.metadata.tables[table].foreign_key_constraints
    return keys if connection.dialect.supports_alter else ()
