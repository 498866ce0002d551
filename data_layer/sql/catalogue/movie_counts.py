"""How many films there are of each kind, kept up to date in the transaction of each change."""

from collections import Counter

from sqlalchemy import Connection, bindparam, insert, select, tuple_, update

from data_layer.sql.models import MovieCount, table_of

Kind = tuple[str, int]
"""`MovieCount.kind` and `MovieCount.key`."""

ALL: Kind = ("all", 0)
CHANGES: Kind = ("changes", 0)
"""How often films have changed: the catalogue's revision."""

_COUNTS = table_of(MovieCount)
_ADD = (
    update(_COUNTS)
    .where(_COUNTS.c.kind == bindparam("a_kind"), _COUNTS.c.key == bindparam("a_key"))
    .values(movies=_COUNTS.c.movies + bindparam("change"))
)


def change_counts(connection: Connection, changes: Counter[Kind]) -> None:
    """Add to the counters, and count this as one change; those that are missing begin at 0."""
    if not changes:
        return
    changes = Counter(changes)  # A sum of counters would leave out what gets smaller.
    changes[CHANGES] += 1
    columns = (MovieCount.kind, MovieCount.key)
    known = {
        (row.kind, row.key)
        for row in connection.execute(select(*columns).where(tuple_(*columns).in_(list(changes))))
    }
    missing = [{"kind": kind, "key": key, "movies": 0} for kind, key in changes.keys() - known]
    if missing:
        connection.execute(insert(MovieCount), missing)
    rows = [
        {"a_kind": kind, "a_key": key, "change": changes[kind, key]}
        for kind, key in sorted(changes, key=_in_order)
    ]
    connection.execute(_ADD, rows)


def _in_order(kind: Kind) -> tuple[bool, Kind]:
    """Sort counters so that two who change them don't block each other, the busiest last."""
    return kind in {ALL, CHANGES}, kind
