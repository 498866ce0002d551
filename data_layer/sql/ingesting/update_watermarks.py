"""Since when what is known of films is true, in a table."""

import datetime as dt
from collections.abc import Collection, Mapping, Sequence

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from common.batches import chunks
from data_layer.entities.update_watermark import MovieMark
from data_layer.sql import models
from data_layer.sql.bulk_insert import RowInsert

_TABLE = models.table_of(models.MovieMark)
_KEYS_AT_ONCE = 1_000


class SqlAlchemyMovieMarkRepository:
    """See `data_layer.ports.update_watermarks.MovieMarkRepository`."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def find_many(self, film_keys: Collection[bytes]) -> Mapping[bytes, dt.datetime]:
        """Look the keys up."""
        connection = self._session.connection()
        return {
            row.film_key: row.updated_at
            for keys in chunks(list(film_keys), _KEYS_AT_ONCE)
            for row in connection.execute(select(_TABLE).where(_TABLE.c.film_key.in_(keys)))
        }

    def add_many(self, marks: Sequence[MovieMark]) -> None:
        """Insert the rows; a primary key keeps a film from having two."""
        rows = RowInsert(self._session.connection(), _TABLE)
        rows.run((mark.film_key, mark.updated_at) for mark in marks)

    def remove_many(self, film_keys: Collection[bytes]) -> None:
        """Delete by primary key."""
        for keys in chunks(list(film_keys), _KEYS_AT_ONCE):
            self._session.connection().execute(delete(_TABLE).where(_TABLE.c.film_key.in_(keys)))
