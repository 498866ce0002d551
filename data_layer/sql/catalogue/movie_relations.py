"""What films share with others, in tables: their people and genres; and their ratings."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from sqlalchemy import Connection, delete, exists, func, select
from sqlalchemy.orm import InstrumentedAttribute

from common.batches import chunks
from common.text import match_key
from data_layer.entities.movie import MovieFacts
from data_layer.sql.backends.registry import take_ids
from data_layer.sql.bulk_insert import RowInsert
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
"""SQLite takes 32,766 parameters in a statement, MariaDB and PostgreSQL 65,535."""


_NAMES_KEPT = 150_000
"""How many ids are remembered, in about 25 MB; those of a million people don't fit into memory."""


class NewLinks:
    """Inserts the links of new films, and the people and genres that are new with them.

    It remembers the ids it has met, for the transaction that it is made for.
    """

    def __init__(self, connection: Connection) -> None:
        self._people = _Ids(connection, Person)
        self._genres = _Ids(connection, Genre)
        self._credits = RowInsert(connection, table_of(Credit))
        self._movie_genres = RowInsert(connection, table_of(MovieGenre))
        self._ratings = RowInsert(connection, table_of(Rating))

    def add(self, facts_by_id: Mapping[int, MovieFacts]) -> Counter[Kind]:
        """Insert all links of these films, and return what the films count as.

        Cost: seven statements, however many films.
        """
        films = facts_by_id.items()
        people = self._people.of(
            name for _, facts in films for _role, names in roles(facts) for name in names
        )
        genres = self._genres.of(name for _, facts in films for name in facts.genres)
        of_genres = [row for item in films if item[1].genres for row in genre_rows(*item, genres)]
        self._movie_genres.run(of_genres)
        self._credits.run(row for item in films for row in credit_rows(*item, people))
        self._ratings.run(row for item in films if item[1].ratings for row in rating_rows(*item))
        counts: Counter[Kind] = Counter({ALL: len(facts_by_id)})
        counts.update(("year", year_key(facts)) for facts in facts_by_id.values())
        counts.update(("genre", genre_id) for _movie_id, genre_id, *_ in of_genres)
        return counts


class _Ids:
    """The ids of people or genres, by key."""

    def __init__(self, connection: Connection, table: type[Person] | type[Genre]) -> None:
        self._connection = connection
        self._table = table
        self._known: dict[str, int] = {}

    def of(self, names: Iterable[str]) -> Mapping[str, int]:
        """Return the ids of these names, and of others; rows that are missing are inserted."""
        name_by_key = {match_key(name): name for name in names}
        if len(self._known) > _NAMES_KEPT:
            self._known.clear()
        unknown = [key for key in name_by_key if key not in self._known]
        for keys in chunks(unknown, _KEYS_AT_ONCE):
            rows = self._connection.execute(
                select(self._table.name_key, self._table.id).where(self._table.name_key.in_(keys))
            )
            self._known |= {row.name_key: row.id for row in rows}
        if missing := [key for key in unknown if key not in self._known]:
            table = table_of(self._table)
            added = dict(zip(missing, take_ids(self._connection, table, len(missing)), strict=True))
            RowInsert(self._connection, table).run(
                (added[key], name_by_key[key], key) for key in missing
            )
            self._known |= added
        return self._known


def remove_links(connection: Connection, years: Mapping[int, int]) -> Counter[Kind]:
    """Delete the links of films, and the people and genres that no other film has.

    Return the changes of what films count as.

    Args:
        connection: in whose transaction.
        years: the year keys of the films, by id.
    """
    changes: Counter[Kind] = Counter()
    for ids in chunks(list(years), _KEYS_AT_ONCE):
        people = select(Credit.person_id).where(Credit.movie_id.in_(ids)).distinct()
        genres = select(MovieGenre.genre_id, func.count()).where(MovieGenre.movie_id.in_(ids))
        changes.subtract([ALL] * len(ids))
        changes.subtract(("year", years[movie_id]) for movie_id in ids)
        rows = connection.execute(genres.group_by(MovieGenre.genre_id))
        of_genre = {genre_id: films for genre_id, films in rows}  # noqa: C416 - Rows are typed so.
        changes.subtract({("genre", genre_id): films for genre_id, films in of_genre.items()})
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
    """Delete those that nothing links to any more."""
    for some in chunks(ids, _KEYS_AT_ONCE):
        is_used = exists().where(link == table.id)
        connection.execute(delete(table).where(table.id.in_(some), ~is_used))
