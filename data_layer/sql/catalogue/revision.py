"""Catalogue revision: a number that every change of movies increments."""

from sqlalchemy import Connection, insert, select, update

from data_layer.sql.models import CatalogueRevision, table_of

_REVISION = table_of(CatalogueRevision)
_ROW_ID = 1
_ADVANCE = update(_REVISION).values(number=_REVISION.c.number + 1)

READ_REVISION = select(_REVISION.c.number)
"""Query of the revision; it returns no row before the first change."""


def advance_revision(connection: Connection) -> None:
    """Increment the revision in the transaction of a change; insert it as 1 at the first one."""
    if connection.execute(_ADVANCE).rowcount == 0:
        connection.execute(insert(_REVISION).values(id=_ROW_ID, number=1))


def read_revision(connection: Connection) -> int:
    """Return the revision; 0 before the first change."""
    return connection.scalar(READ_REVISION) or 0
