"""Compiled SQL statements for reading movies; an index supports each of them.

Building and compiling a statement costs more than executing it, so that compiled statements are
cached per query shape. The number of combinations of filters and orders is a few hundred.
"""

import functools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, cast

from sqlalchemy import (
    ColumnElement,
    Dialect,
    Integer,
    Select,
    String,
    bindparam,
    exists,
    func,
    literal_column,
    null,
    select,
    tuple_,
)
from sqlalchemy.orm import InstrumentedAttribute

from data_layer.entities.movie_query import MovieSort
from data_layer.sql.catalogue.movie_rows import CAST
from data_layer.sql.catalogue.revision import READ_REVISION
from data_layer.sql.models import Credit, Genre, Movie, MovieCount, MovieGenre, Person


@dataclass(frozen=True, slots=True)
class PageShape:
    """Shape of a page query: everything except the parameter values."""

    sort: MovieSort
    filters: frozenset[str]
    """Names of the `MovieFilter` fields that are set."""
    has_after: bool
    counts_total: bool = False


@dataclass(frozen=True, slots=True)
class Sql:
    """SQL statement in the syntax of the driver."""

    text: str
    names: tuple[str, ...]
    """Parameter names in their order."""

    def bind(self, values: Mapping[str, Any]) -> tuple[Any, ...]:
        """Return the parameter values in their order."""
        return tuple([values[name] for name in self.names])


@functools.cache
def page_sql(shape: PageShape, dialect: Dialect) -> Sql:
    """Return the statement that reads the sort keys and documents of a page.

    Parameters: filter fields, `after_0` …, `skip`, `limit`.

    Shape: total of matching movies or NULL, the sort keys of the position, the document.
    """
    source = _source(shape.filters)
    keys = _keys(source, shape.sort)
    total = _total(shape.filters).scalar_subquery() if shape.counts_total else null()
    statement = select(total, *keys.values(), Movie.document).where(
        *_conditions(source, shape.filters)
    )
    if source is not Movie:
        statement = statement.join(Movie, Movie.id == _movie_id(source))
    # A key that a filter fixes does not affect the order, but would keep SQLite from its index.
    free_keys = [
        (index, key) for index, (name, key) in enumerate(keys.items()) if name not in shape.filters
    ]
    if shape.has_after:
        after = _after_position_by_column if dialect.name == "mariadb" else _after_position
        statement = statement.where(after(free_keys, is_descending=shape.sort.is_descending))
    order = [key.desc() if shape.sort.is_descending else key.asc() for _index, key in free_keys]
    statement = statement.order_by(*order).limit(bindparam("limit")).offset(bindparam("skip"))
    return _compile(statement, dialect)


@functools.cache
def total_sql(filters: frozenset[str], dialect: Dialect) -> Sql:
    """Return the statement that reads the number of matching movies."""
    return _compile(_total(filters), dialect)


@functools.cache
def revision_sql(dialect: Dialect) -> Sql:
    """Return the statement that reads the revision; no row before the first change."""
    return _compile(READ_REVISION, dialect)


@functools.cache
def document_sql(column: str, dialect: Dialect) -> Sql:
    """Return the statement that reads id and document by `id` or `imdb_id`.

    Parameters: `value`.
    """
    condition = getattr(Movie, column) == bindparam("value")
    return _compile(select(Movie.id, Movie.document).where(condition), dialect)


@functools.cache
def same_title_sql(filters: frozenset[str], dialect: Dialect) -> Sql:
    """Return the statement that reads id, document, votes and year key of a title's movies.

    Parameters: filter fields (`title`, `year`), `skip`, `limit`.
    """
    statement = (
        select(Movie.id, Movie.document, Movie.imdb_votes, Movie.year_key)
        .where(*_conditions(Movie, filters))
        .limit(bindparam("limit"))
        .offset(bindparam("skip"))
    )
    return _compile(statement, dialect)


def _total(filters: frozenset[str]) -> Select[int]:
    """Return a query of the total: from a counter if one exists, else counted by index."""
    if not filters:
        key: ColumnElement[int] = literal_column("0", Integer)
    elif filters == {"year"}:
        key = bindparam("year", type_=Integer)
    elif filters == {"genre"}:
        key = _genre_id()
    else:
        source = _source(filters)
        return select(func.count()).where(*_conditions(source, filters)).correlate(None)
    kind = next(iter(filters), "all")
    return select(MovieCount.movies).where(
        MovieCount.kind == _constant(kind), MovieCount.key == key
    )


_FreeKeys = list[tuple[int, InstrumentedAttribute[Any]]]
"""Sort keys that no filter fixes, with their indexes in a position."""


def _after_position(free_keys: _FreeKeys, *, is_descending: bool) -> ColumnElement[bool]:
    """Return a row comparison, for which databases seek in the index."""
    position = tuple_(*(bindparam(f"after_{index}") for index, _key in free_keys))
    row = tuple_(*(key for _index, key in free_keys))
    return row < position if is_descending else row > position


def _after_position_by_column(free_keys: _FreeKeys, *, is_descending: bool) -> ColumnElement[bool]:
    """Return a comparison by column: MariaDB scans the whole index for a row comparison."""
    (index, key), *rest = free_keys
    value: ColumnElement[Any] = bindparam(f"after_{index}")
    is_after = key < value if is_descending else key > value
    if not rest:
        return is_after
    return is_after | (
        (key == value) & _after_position_by_column(rest, is_descending=is_descending)
    )


_Source = type[Movie | MovieGenre | Credit]


def _source(filters: frozenset[str]) -> _Source:
    """Return the table whose index sorts the movies: the one of the most selective filter."""
    return Credit if "cast" in filters else MovieGenre if "genre" in filters else Movie


def _movie_id(source: _Source) -> InstrumentedAttribute[int]:
    return Movie.id if source is Movie else cast("type[MovieGenre | Credit]", source).movie_id


def _keys(source: _Source, sort: MovieSort) -> dict[str, InstrumentedAttribute[Any]]:
    """Return the columns of a position in its order; names are those of the filter fields."""
    title, year = {"title": source.title_key}, {"year": source.year_key}
    movie_id = {"id": _movie_id(source)}
    keys: dict[str, dict[str, InstrumentedAttribute[Any]]] = {
        "title": title | year | movie_id,
        "year": year | title | movie_id,
        "id": movie_id,
    }
    return keys[sort.field]


def _conditions(source: _Source, filters: frozenset[str]) -> Iterator[ColumnElement[bool]]:
    if "title" in filters:
        yield source.title_key == bindparam("title")
    if "year" in filters:
        yield source.year_key == bindparam("year")
    if source is Credit:
        yield (
            Credit.person_id
            == select(Person.id).where(Person.name_key == bindparam("cast")).scalar_subquery()
        )
        yield Credit.role == _constant(CAST)
    if source is MovieGenre:
        yield MovieGenre.genre_id == _genre_id()
    elif "genre" in filters:
        yield exists().where(
            MovieGenre.movie_id == _movie_id(source), MovieGenre.genre_id == _genre_id()
        )


def _genre_id() -> ColumnElement[int]:
    return select(Genre.id).where(Genre.name_key == bindparam("genre")).scalar_subquery()


def _constant(word: str) -> ColumnElement[str]:
    """Return a constant of this program as a literal instead of a parameter."""
    return literal_column(f"'{word}'", String)


def _compile(statement: Select[*tuple[Any, ...]], dialect: Dialect) -> Sql:
    compiled = statement.compile(dialect=dialect)
    return Sql(str(compiled), tuple(compiled.positiontup or ()))
