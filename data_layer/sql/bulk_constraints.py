"""Tables without indexes and foreign keys: to make them at the end costs less than to keep them."""

from collections.abc import Iterable, Iterator

from sqlalchemy import Connection, ForeignKeyConstraint, Index, inspect
from sqlalchemy.schema import AddConstraint, DropConstraint

from data_layer.sql.models import Base


def lay_bare(connection: Connection) -> None:
    """Drop every index and every foreign key that is there."""
    for table, names in _names_by_table(connection):
        for key in _foreign_keys(connection, table):
            if key.name in names:
                connection.execute(DropConstraint(key))
    for table, names in _names_by_table(connection):
        for index in _indexes(table):
            if index.name in names:
                index.drop(connection)


def restore(connection: Connection) -> None:
    """Make every index and every foreign key that is missing."""
    for table, names in _names_by_table(connection):
        for index in _indexes(table):
            if index.name not in names:
                index.create(connection)
    for table, names in _names_by_table(connection):
        for key in _foreign_keys(connection, table):
            if key.name not in names:
                connection.execute(AddConstraint(key))


def _names_by_table(connection: Connection) -> Iterator[tuple[str, set[str | None]]]:
    """Yield each table with the names of what it has now."""
    inspector = inspect(connection)
    for table in Base.metadata.sorted_tables:
        indexes = {index["name"] for index in inspector.get_indexes(table.name)}
        yield table.name, indexes | {key["name"] for key in inspector.get_foreign_keys(table.name)}


def _indexes(table: str) -> Iterable[Index]:
    return Base.metadata.tables[table].indexes


def _foreign_keys(connection: Connection, table: str) -> Iterable[ForeignKeyConstraint]:
    """Return the foreign keys; SQLite can neither drop nor add one."""
    keys = Base.metadata.tables[table].foreign_key_constraints
    return keys if connection.dialect.supports_alter else ()
