"""How many films there are of each kind, kept up to date in the transaction of each change."""

from collections import Counter

from sqlalchemy import Connection, insert, select, tuple_, update

from data_layer.sql.models import MovieCount

Kind = tuple[str, int]
"""`MovieCount.kind` and `MovieCount.key`."""

ALL: Kind = ("all", 0)
CHANGES: Kind = ("changes", 0)
"""How often films have changed: the catalogue's revision."""


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
    for (kind, key), change in changes.items():
        connection.execute(
            update(MovieCount)
            .where(MovieCount.kind == kind, MovieCount.key == key)
            .values(movies=MovieCount.movies + change)
        )
