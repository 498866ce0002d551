"""A whole catalogue, copied from one database into another one.

Rows go in by rising keys, many in one transaction, films together with all that belongs to them:
a copy that was stopped goes on behind the highest key. Until all is there and was compared, the
version of the target's schema says so, and no service starts on it.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import xxhash
from sqlalchemy import (
    JSON,
    Column,
    ColumnElement,
    Connection,
    Integer,
    String,
    Table,
    delete,
    func,
    select,
    true,
    tuple_,
)

from common.errors import DatabaseUnavailable, InvalidInput
from data_layer.sql import schema
from data_layer.sql.backends.backend import Backend, Engines, OnProgress
from data_layer.sql.bulk_constraints import lay_bare, restore
from data_layer.sql.bulk_insert import Row, RowInsert
from data_layer.sql.catalogue.movie_counts import CHANGES
from data_layer.sql.error_translation import translated_errors
from data_layer.sql.models import MOVIES, Base, MovieCount

FILMS_AT_ONCE = 2_000
"""In one transaction; of other rows as many."""

_PARTS = [table for table in Base.metadata.sorted_tables if "movie_id" in table.columns]
"""Tables whose rows belong to a film and go with it."""

_WHOLES = [
    *(each for each in Base.metadata.sorted_tables if each not in {*_PARTS, MOVIES}),
    MOVIES,
]
"""The other tables; films come last, since their parts name people and genres."""


@dataclass(frozen=True, slots=True)
class Home:
    """A database, and how it is asked."""

    backend: Backend
    engines: Engines


@dataclass(frozen=True, slots=True)
class CatalogueSums:
    """What two equal catalogues have in common, whatever databases they are in.

    Args:
        by_table: how many rows each table has; behind it the sums of its numbers and of the
            lengths of its texts.
        checksum: of the documents of all films and of every row that belongs to no film, by
            their keys; XXH3-128, hexadecimal.
    """

    by_table: dict[str, tuple[int, ...]]
    checksum: str


def copy_catalogue(source: Home, target: Home, on_progress: OnProgress) -> CatalogueSums:
    """Copy everything into an empty database, or go on with a copy of the same catalogue.

    The source may be written to meanwhile: what is copied is of one moment. A copy that goes on
    after such a write begins anew.

    Args:
        source: with the schema of this program.
        target: with the same schema, or an unfinished copy.
        on_progress: is told how many films are there, of how many.

    Raises:
        InvalidInput: the target holds something else, or one of them has another schema.
        DatabaseUnavailable: what was copied until then stays; the next copy goes on.
    """
    with translated_errors(), _snapshot(source) as snapshot:
        if schema.version_of(snapshot) != schema.own_version():
            raise InvalidInput("The source has another schema: run `migrate` on it first.")
        mark = f"{schema.UNFINISHED_COPY}{_revision(snapshot)}"
        _begin(target, mark)
        total = _count(snapshot, MOVIES)
        for table in _WHOLES:
            for copied in _copy_table(snapshot, target, table):
                if table is MOVIES:
                    on_progress(copied, total)
        return _end(source, snapshot, target)


@contextmanager
def _snapshot(home: Home) -> Iterator[Connection]:
    """Give a connection whose every statement sees the same moment."""
    isolation = home.backend.snapshot_isolation
    engine = home.engines.reading.execution_options(isolation_level=isolation)
    with engine.begin() as connection, home.backend.unlimited(connection):
        yield connection


@contextmanager
def _writing(home: Home) -> Iterator[Connection]:
    with home.engines.writing.begin() as connection, home.backend.unlimited(connection):
        yield connection


def _begin(target: Home, mark: str) -> None:
    """Make the target ready for rows: empty, or a copy of the same revision."""
    with _writing(target) as connection:
        version = schema.version_of(connection)
        if version == mark:
            return
        if version.startswith(schema.UNFINISHED_COPY):
            for table in reversed(Base.metadata.sorted_tables):
                connection.execute(delete(table))
        elif version != schema.own_version():
            raise InvalidInput("The target has the schema of a newer program: copy with that one.")
        elif any(_count(connection, table) for table in Base.metadata.sorted_tables):
            raise InvalidInput("The target is not empty: name a database without a catalogue.")
        schema.set_version(connection, mark)
        lay_bare(connection)


def _copy_table(snapshot: Connection, target: Home, table: Table) -> Iterator[int]:
    """Copy what the target lacks; yield how many rows are there, at first and after each turn."""
    keys = list(table.primary_key.columns)
    with _writing(target) as connection:
        newest = select(*keys).order_by(*(key.desc() for key in keys)).limit(1)
        last: Sequence[Any] | None = connection.execute(newest).first()
        copied = _count(connection, table)
    yield copied
    while rows := _read(snapshot, table, _behind(keys, last), FILMS_AT_ONCE):
        with _writing(target) as connection:
            RowInsert(connection, table).run(rows)
            for part in _PARTS if table is MOVIES else ():
                of_films = part.columns.movie_id.between(rows[0][0], rows[-1][0])
                RowInsert(connection, part).run(_read(snapshot, part, of_films))
        last = _key_of(table, rows[-1])
        copied += len(rows)
        yield copied


def _read(
    connection: Connection, table: Table, place: ColumnElement[bool], limit: int | None = None
) -> list[Row]:
    """Return the rows at a place, by their keys."""
    statement = select(table).where(place).order_by(*table.primary_key.columns).limit(limit)
    rows = map(tuple, connection.execute(statement).all())
    if any(isinstance(column.type, JSON) for column in table.columns):
        return [tuple(map(_hashable, row)) for row in rows]
    return list(rows)


def _hashable(value: object) -> object:
    return tuple(value) if isinstance(value, list) else value


def _key_of(table: Table, row: Row) -> Row:
    return tuple(
        value for column, value in zip(table.columns, row, strict=True) if column.primary_key
    )


def _end(source: Home, snapshot: Connection, target: Home) -> CatalogueSums:
    """Make the target a catalogue of its own, if it has what the source has."""
    with _writing(target) as connection:
        restore(connection)
        for table in _WHOLES:
            if table.autoincrement_column is not None:
                next_id = source.backend.next_id(snapshot, table)
                target.backend.set_next_id(connection, table, next_id)
        sums = _sum_up(connection)
        if sums != _sum_up(snapshot):
            raise DatabaseUnavailable(
                "The copy is not like its source: drop the target and copy again."
            )
        schema.set_version(connection, schema.own_version())
    return sums


def _sum_up(connection: Connection) -> CatalogueSums:
    checksum = xxhash.xxh3_128()
    for table in _WHOLES:
        columns = [table.columns.document] if table is MOVIES else table.columns
        rows = select(*columns).order_by(*table.primary_key.columns)
        for row in connection.execute(rows.execution_options(yield_per=FILMS_AT_ONCE)):
            checksum.update(row[0] if table is MOVIES else repr(tuple(row)).encode())
    by_table = {table.name: _sums(connection, table) for table in [*_PARTS, *_WHOLES]}
    return CatalogueSums(by_table, checksum.hexdigest())


def _sums(connection: Connection, table: Table) -> tuple[int, ...]:
    length = func.char_length if connection.dialect.name == "mariadb" else func.length
    sums: list[ColumnElement[Any]] = [func.count()]
    for column in table.columns:
        if isinstance(column.type, Integer):
            sums.append(func.sum(column))
        elif isinstance(column.type, String):
            sums.append(func.sum(length(column)))
    row = connection.execute(select(*sums).select_from(table)).one()
    return tuple(int(value or 0) for value in row)


def _behind(keys: list[Column[Any]], last: Sequence[Any] | None) -> ColumnElement[bool]:
    if last is None:
        return true()
    return keys[0] > last[0] if len(keys) == 1 else tuple_(*keys) > tuple(last)


def _count(connection: Connection, table: Table) -> int:
    return connection.scalar(select(func.count()).select_from(table)) or 0


def _revision(connection: Connection) -> int:
    changes = tuple_(MovieCount.kind, MovieCount.key) == CHANGES
    return connection.scalar(select(MovieCount.movies).where(changes)) or 0
