"""Whole rows by the thousand, straight to the driver."""

import functools
from collections.abc import Callable, Iterable
from contextlib import closing
from typing import Any

from sqlalchemy import Connection, LargeBinary, Table, insert
from sqlalchemy.exc import DBAPIError

Row = tuple[Any, ...]
"""Values are hashable."""

_VALUES_KEPT = 10_000
"""Of each column that is converted."""


class RowInsert:
    """Inserts rows into one table; SQLAlchemy writes the statement and converts the values.

    Args:
        connection: in whose transaction the rows go in.
        table: a row has a value for each of its columns, in their order.
    """

    def __init__(self, connection: Connection, table: Table) -> None:
        dialect = connection.dialect
        self._text = str(insert(table).compile(dialect=dialect))
        self._copy = _copy_statement(table, connection) if dialect.name == "postgresql" else None
        self._connection = connection
        converters = (
            column.type.dialect_impl(dialect).bind_processor(dialect)
            if not isinstance(column.type, LargeBinary)  # Every driver takes bytes as they are.
            else None
            for column in table.columns
        )
        # Dates and lists of languages come again and again, and are converted once.
        self._converters: list[tuple[int, Callable[[Any], Any]]] = [
            (place, functools.lru_cache(_VALUES_KEPT)(convert))
            for place, convert in enumerate(converters)
            if convert is not None
        ]

    def run(self, rows: Iterable[Row]) -> None:
        """Insert the rows, if there are any."""
        converted = [self._convert(row) for row in rows]
        if not converted:
            return
        if self._copy is None:
            self._connection.exec_driver_sql(self._text, converted)
        else:
            self._run_copy(self._copy, converted)

    def _run_copy(self, statement: str, rows: list[Row]) -> None:
        """Send the rows as PostgreSQL likes them best: in half the time of inserts."""
        cursor: Any = self._connection.connection.cursor()
        try:
            with closing(cursor), cursor.copy(statement) as copy:
                for row in rows:
                    copy.write_row(row)
        except self._connection.dialect.loaded_dbapi.Error as error:
            raise DBAPIError.instance(
                statement, None, error, self._connection.dialect.loaded_dbapi.Error
            ) from error

    def _convert(self, row: Row) -> Row:
        if not self._converters:
            return row
        values = list(row)
        for place, convert in self._converters:
            values[place] = convert(values[place])
        return tuple(values)


def _copy_statement(table: Table, connection: Connection) -> str:
    quote = connection.dialect.identifier_preparer.quote
    columns = ", ".join(quote(column.name) for column in table.columns)
    return f"COPY {quote(table.name)} ({columns}) FROM STDIN"
