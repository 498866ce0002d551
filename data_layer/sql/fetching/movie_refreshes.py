"""When films are looked at again, in a table."""

import datetime as dt
from collections.abc import Collection, Iterable

from sqlalchemy import delete, insert, update
from sqlalchemy.orm import Session

from common.batches import chunks
from data_layer.entities.movie_refresh import MovieCheck
from data_layer.sql import models
from data_layer.sql.entity_mapper import EntityRows

_ROW = models.MovieCheck
_KEYS_AT_ONCE = 1_000


class SqlAlchemyMovieCheckRepository:
    """See `data_layer.ports.movie_refreshes.MovieCheckRepository`."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._rows = EntityRows(session, MovieCheck, _ROW)

    def put_many(self, checks: Iterable[MovieCheck]) -> None:
        """Delete what was there, and insert."""
        by_film = {check.movie_id: check for check in checks}
        if not by_film:
            return
        self._session.execute(delete(_ROW).where(_ROW.movie_id.in_(by_film)))
        self._session.execute(insert(_ROW), [self._rows.columns_of(c) for c in by_film.values()])

    def find(self, movie_id: int) -> MovieCheck | None:
        """Look the film up."""
        return self._rows.find(_ROW.movie_id == movie_id)

    def claim(self, now: dt.datetime, until: dt.datetime, limit: int) -> tuple[MovieCheck, ...]:
        """Pick rows that nobody else is picking, and put them off."""
        checks = self._rows.list(
            _ROW.due_at <= now, by=(_ROW.due_at, _ROW.movie_id), limit=limit, skips_locked=True
        )
        if checks:
            films = [check.movie_id for check in checks]
            self._session.execute(update(_ROW).where(_ROW.movie_id.in_(films)).values(due_at=until))
        return checks

    def remove_many(self, movie_ids: Collection[int]) -> None:
        """Delete the rows."""
        for ids in chunks(list(movie_ids), _KEYS_AT_ONCE):
            self._rows.remove(_ROW.movie_id.in_(ids))
