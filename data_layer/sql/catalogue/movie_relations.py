"""Relations of movies in tables: credits of people, genres and ratings."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from sqlalchemy import Connection, delete, exists, func, select
from sqlalchemy.orm import InstrumentedAttribute

from common.batches import batched
from common.text import match_key
from data_layer.entities.movie import MovieFacts
from data_layer.sql.backends.registry import allocate_ids
from data_layer.sql.bulk_insert import BulkInsert
from data_layer.sql.catalogue.movie_counts import ALL, Kind
from data_layer.sql.catalogue.movie_rows import (
    credit_rows,
    genre_rows,
    rating_rows,
    roles,
    year_key,
)
from data_layer.sql.models import Credit, Genre, MovieGenre, Person, Rating, table_of

_KEYS_AT_ONCE = 10_000
"""Keys per statement. SQLite accepts 32,766 parameters, MariaDB and PostgreSQL 65,535."""

_CACHED_NAMES_MAX = 150_000
"""Cached ids per table, in about 25 MB; the ids of millions of people do not fit into memory."""


class RelationInserter:
    """Inserter of the relations of new movies, and of the people and genres that are new.

    It caches the ids of people and genres, so that it is valid for one transaction only.
    """

    def __init__(self, connection: Connection) -> None:
        self._people = _IdCache(connection, Person)
        self._genres = _IdCache(connection, Genre)
        self._credits = BulkInsert(connection, table_of(Credit))
        self._movie_genres = BulkInsert(connection, table_of(MovieGenre))
        self._ratings = BulkInsert(connection, table_of(Rating))

    def add(self, facts_by_id: Mapping[int, MovieFacts]) -> Counter[Kind]:
        """Insert the relations of these movies, and return the counter changes.

        Cost: seven statements, independent of the number of movies.
        """
        movies = facts_by_id.items()
        people = self._people.of(
            name for _, facts in movies for _role, names in roles(facts) for name in names
        )
        genres = self._genres.of(name for _, facts in movies for name in facts.genres)
        of_genres = [row for item in movies if item[1].genres for row in genre_rows(*item, genres)]
        self._movie_genres.run(of_genres)
        self._credits.run(row for item in movies for row in credit_rows(*item, people))
        self._ratings.run(row for item in movies if item[1].ratings for row in rating_rows(*item))
        counts: Counter[Kind] = Counter({ALL: len(facts_by_id)})
        counts.update(("year", year_key(facts)) for facts in facts_by_id.values())
        counts.update(("genre", genre_id) for _movie_id, genre_id, *_ in of_genres)
        return counts


class _IdCache:
    """Cache of the ids of people or genres by name key."""

    def __init__(self, connection: Connection, table: type[Person] | type[Genre]) -> None:
        self._connection = connection
        self._table = table
        self._ids: dict[str, int] = {}

    def of(self, names: Iterable[str]) -> Mapping[str, int]:
        """Return ids by name key, for at least these names; insert the missing rows."""
        name_by_key = {match_key(name): name for name in names}
        if len(self._ids) > _CACHED_NAMES_MAX:
            self._ids.clear()
        unknown = [key for key in name_by_key if key not in self._ids]
        for keys in batched(unknown, _KEYS_AT_ONCE):
            rows = self._connection.execute(
                select(self._table.name_key, self._table.id).where(self._table.name_key.in_(keys))
            )
            self._ids |= {row.name_key: row.id for row in rows}
        if missing := [key for key in unknown if key not in self._ids]:
            table = table_of(self._table)
            added = dict(
                zip(missing, allocate_ids(self._connection, table, len(missing)), strict=True)
            )
            BulkInsert(self._connection, table).run(
                (added[key], name_by_key[key], key) for key in missing
            )
            self._ids |= added
        return self._ids


def remove_links(connection: Connection, years: Mapping[int, int]) -> Counter[Kind]:
    """Delete the relations of movies, and the people and genres that no other movie has.

    Returns the changes of the movie counters, which are negative.
    """
    changes: Counter[Kind] = Counter()
    for ids in batched(list(years), _KEYS_AT_ONCE):
        people = select(Credit.person_id).where(Credit.movie_id.in_(ids)).distinct()
        genres = select(MovieGenre.genre_id, func.count()).where(MovieGenre.movie_id.in_(ids))
        changes.subtract([ALL] * len(ids))
        changes.subtract(("year", years[movie_id]) for movie_id in ids)
        rows = connection.execute(genres.group_by(MovieGenre.genre_id))
        of_genre = {genre_id: movies for genre_id, movies in rows}  # noqa: C416 - dict() does not accept the type of rows.
        changes.subtract({("genre", genre_id): movies for genre_id, movies in of_genre.items()})
        of_people = list(connection.scalars(people))
        for table in (Credit, MovieGenre, Rating):
            connection.execute(delete(table).where(table.movie_id.in_(ids)))
        _remove_unused(connection, Person, Credit.person_id, of_people)
        _remove_unused(connection, Genre, MovieGenre.genre_id, list(of_genre))
    return changes


def _remove_unused(
    connection: Connection,
    table: type[Person] | type[Genre],
    link: InstrumentedAttribute[int],
    ids: Sequence[int],
) -> None:
    """Delete the rows with these ids that no relation refers to."""
    for batch in batched(ids, _KEYS_AT_ONCE):
        is_used = exists().where(link == table.id)
        connection.execute(delete(table).where(table.id.in_(batch), ~is_used))
