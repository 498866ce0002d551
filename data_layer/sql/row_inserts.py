"""Whole rows by the thousand, straight to the driver."""

import functools
from collections.abc import Callable, Iterable
from typing import Any

from sqlalchemy import Connection, LargeBinary, insert
from sqlalchemy.orm import DeclarativeBase

Row = tuple[Any, ...]
"""Values are hashable."""

_VALUES_KEPT = 10_000
"""Of each column that is converted."""


class RowInsert:
    """Inserts rows into one table; SQLAlchemy writes the statement and converts the values.

    Args:
        connection: in whose transaction the rows go in.
        model: whose table it is. A row has a value for each of its columns, in their order.
    """

    def __init__(self, connection: Connection, model: type[DeclarativeBase]) -> None:
        table = model.metadata.tables[model.__tablename__]
        dialect = connection.dialect
        self._text = str(insert(table).compile(dialect=dialect))
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
        if converted := [self._convert(row) for row in rows]:
            self._connection.exec_driver_sql(self._text, converted)

    def _convert(self, row: Row) -> Row:
        if not self._converters:
            return row
        values = list(row)
        for place, convert in self._converters:
            values[place] = convert(values[place])
        return tuple(values)
