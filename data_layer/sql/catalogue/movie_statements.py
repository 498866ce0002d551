"""The statements that read films: one each, by index, written once for each shape of question.

Building and compiling a statement costs more than running it, so what was compiled is kept:
there are as many shapes as combinations of filters and orders, some hundreds.
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
from data_layer.sql.catalogue.movie_counts import CHANGES
from data_layer.sql.catalogue.movie_rows import CAST
from data_layer.sql.models import Credit, Genre, Movie, MovieCount, MovieGenre, Person


@dataclass(frozen=True, slots=True)
class PageShape:
    """What a question for a page has, whatever its values are."""

    sort: MovieSort
    filters: frozenset[str]
    """Names of fields of `MovieFilter`."""
    has_after: bool
    counts_total: bool = False


@dataclass(frozen=True, slots=True)
class Sql:
    """A statement as the driver takes it."""

    text: str
    names: tuple[str, ...]
    """Of the parameters, in their order."""

    def bind(self, values: Mapping[str, Any]) -> tuple[Any, ...]:
        """Return the parameters in their order."""
        return tuple([values[name] for name in self.names])


@functools.cache
def page_sql(shape: PageShape, dialect: Dialect) -> Sql:
    """Read sort keys and documents of a page's films, and of one more if there is one.

    Parameters: those of the filters, `after_0` …, `skip`, `limit`.
    Shape: how many films match, or None if that is not wanted; the keys of a position; the
        document.
    """
    source = _source(shape.filters)
    keys = _keys(source, shape.sort)
    total = _total(shape.filters).scalar_subquery() if shape.counts_total else null()
    statement = select(total, *keys.values(), Movie.document).where(
        *_conditions(source, shape.filters)
    )
    if source is not Movie:
        statement = statement.join(Movie, Movie.id == _movie_id(source))
    # A key that a filter fixes orders nothing; left in, it keeps SQLite from using its index.
    moving = [
        (place, key) for place, (name, key) in enumerate(keys.items()) if name not in shape.filters
    ]
    if shape.has_after:
        beyond = _beyond_stepwise if dialect.name == "mariadb" else _beyond
        statement = statement.where(beyond(moving, is_descending=shape.sort.is_descending))
    order = [key.desc() if shape.sort.is_descending else key.asc() for _place, key in moving]
    statement = statement.order_by(*order).limit(bindparam("limit")).offset(bindparam("skip"))
    return _compile(statement, dialect)


@functools.cache
def total_sql(filters: frozenset[str], dialect: Dialect) -> Sql:
    """Read how many films match."""
    return _compile(_total(filters), dialect)


@functools.cache
def revision_sql(dialect: Dialect) -> Sql:
    """Read how often films have changed; there is no row before the first time."""
    kind, key = CHANGES
    counter = MovieCount.kind == _constant(kind), MovieCount.key == literal_column(str(key))
    return _compile(select(MovieCount.movies).where(*counter), dialect)


@functools.cache
def document_sql(column: str, dialect: Dialect) -> Sql:
    """Read id and document of the film with this `id` or `imdb_id`; the parameter is `value`."""
    condition = getattr(Movie, column) == bindparam("value")
    return _compile(select(Movie.id, Movie.document).where(condition), dialect)


@functools.cache
def namesakes_sql(filters: frozenset[str], dialect: Dialect) -> Sql:
    """Read id, document, votes and year of the films of a title.

    Parameters: `title`, `year`, `skip`, `limit`.
    """
    statement = (
        select(Movie.id, Movie.document, Movie.imdb_votes, Movie.year_key)
        .where(*_conditions(Movie, filters))
        .limit(bindparam("limit"))
        .offset(bindparam("skip"))
    )
    return _compile(statement, dialect)


def _total(filters: frozenset[str]) -> Select[int]:
    """Count from a counter where there is one, else by index."""
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


_Moving = list[tuple[int, InstrumentedAttribute[Any]]]
"""The keys that an order goes by, with their places in a position."""


def _beyond(moving: _Moving, *, is_descending: bool) -> ColumnElement[bool]:
    """Compare whole rows: databases begin at that place of the index."""
    after = tuple_(*(bindparam(f"after_{place}") for place, _key in moving))
    here = tuple_(*(key for _place, key in moving))
    return here < after if is_descending else here > after


def _beyond_stepwise(moving: _Moving, *, is_descending: bool) -> ColumnElement[bool]:
    """Compare key by key: MariaDB reads the whole index for a comparison of rows."""
    (place, key), *rest = moving
    after: ColumnElement[Any] = bindparam(f"after_{place}")
    further = key < after if is_descending else key > after
    if not rest:
        return further
    return further | ((key == after) & _beyond_stepwise(rest, is_descending=is_descending))


_Source = type[Movie | MovieGenre | Credit]


def _source(filters: frozenset[str]) -> _Source:
    """Return the table whose index has the films in order: the one that filters most."""
    return Credit if "cast" in filters else MovieGenre if "genre" in filters else Movie


def _movie_id(source: _Source) -> InstrumentedAttribute[int]:
    return Movie.id if source is Movie else cast("type[MovieGenre | Credit]", source).movie_id


def _keys(source: _Source, sort: MovieSort) -> dict[str, InstrumentedAttribute[Any]]:
    """Return the columns of a position, in its order; title and year as filters name them."""
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
    """Return one of our own words as a part of the statement, not as a parameter of it."""
    return literal_column(f"'{word}'", String)


def _compile(statement: Select[*tuple[Any, ...]], dialect: Dialect) -> Sql:
    compiled = statement.compile(dialect=dialect)
    return Sql(str(compiled), tuple(compiled.positiontup or ()))
