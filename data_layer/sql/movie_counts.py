"""How many films there are of each kind, kept up to date in the transaction of each change."""

from collections import Counter
from collections.abc import Iterable

from sqlalchemy import insert, select, tuple_, update
from sqlalchemy.orm import Session

from data_layer.sql.models import MovieCount

Kind = tuple[str, int]
"""`MovieCount.kind` and `MovieCount.key`."""

ALL: Kind = ("all", 0)


def kinds_of(year_key: int, genre_ids: Iterable[int]) -> list[Kind]:
    """Return everything that a film counts as."""
    return [ALL, ("year", year_key), *(("genre", genre_id) for genre_id in genre_ids)]


def change_counts(session: Session, changes: Counter[Kind]) -> None:
    """Add to the counters; those that are missing begin at 0."""
    columns = (MovieCount.kind, MovieCount.key)
    known = {
        (row.kind, row.key)
        for row in session.execute(select(*columns).where(tuple_(*columns).in_(list(changes))))
    }
    missing = [{"kind": kind, "key": key, "movies": 0} for kind, key in changes.keys() - known]
    if missing:
        session.execute(insert(MovieCount), missing)
    for (kind, key), change in changes.items():
        session.execute(
            update(MovieCount)
            .where(MovieCount.kind == kind, MovieCount.key == key)
            .values(movies=MovieCount.movies + change)
        )
