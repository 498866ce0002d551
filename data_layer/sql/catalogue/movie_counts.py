"""Movie counters by group, updated in the transaction of each change."""

from collections import Counter

from sqlalchemy import Connection, bindparam, insert, select, tuple_, update

from data_layer.sql.catalogue.revision import advance_revision
from data_layer.sql.models import MovieCount, table_of

Kind = tuple[str, int]
"""Group of movies: `MovieCount.kind` and `MovieCount.key`."""

ALL: Kind = ("all", 0)

_COUNTS = table_of(MovieCount)
_ADD = (
    update(_COUNTS)
    .where(_COUNTS.c.kind == bindparam("a_kind"), _COUNTS.c.key == bindparam("a_key"))
    .values(movies=_COUNTS.c.movies + bindparam("change"))
)


def change_counts(connection: Connection, changes: Counter[Kind]) -> None:
    """Add to the counters and advance the catalogue's revision; do nothing without changes.

    Missing counters start at 0.
    """
    if not changes:
        return
    advance_revision(connection)
    columns = (MovieCount.kind, MovieCount.key)
    existing = {
        (row.kind, row.key)
        for row in connection.execute(select(*columns).where(tuple_(*columns).in_(list(changes))))
    }
    missing = [{"kind": kind, "key": key, "movies": 0} for kind, key in changes.keys() - existing]
    if missing:
        connection.execute(insert(MovieCount), missing)
    rows = [
        {"a_kind": kind, "a_key": key, "change": changes[kind, key]}
        for kind, key in sorted(changes, key=_lock_order)
    ]
    connection.execute(_ADD, rows)


def _lock_order(kind: Kind) -> tuple[bool, Kind]:
    """Return the sort key of a counter.

    A fixed order of row locks prevents deadlocks; the counter of all movies, which every change
    updates, comes last and is locked for the shortest time.
    """
    return kind == ALL, kind
