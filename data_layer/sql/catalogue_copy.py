"""Copy of a whole catalogue from one database to another.

Rows are inserted in batches by ascending key, one transaction per batch; movies go together with
the rows that belong to them. An interrupted copy resumes after the highest key. Until the copy is
complete and its checksums match, the target's schema version marks it as unfinished, and no
service starts on it.
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
from data_layer.sql.bulk_constraints import drop_constraints, restore_constraints
from data_layer.sql.bulk_insert import BulkInsert, Row
from data_layer.sql.catalogue.revision import read_revision
from data_layer.sql.error_translation import translated_errors
from data_layer.sql.models import MOVIES, Base

BATCH_MOVIES = 2_000
"""Number of movies, or rows of another table, per transaction."""

_PARTS = [
    table
    for table in Base.metadata.sorted_tables
    if any(key.column.table is MOVIES for key in table.foreign_keys)
]
"""Tables whose rows belong to a movie and are copied with it."""

_WHOLES = [
    *(each for each in Base.metadata.sorted_tables if each not in {*_PARTS, MOVIES}),
    MOVIES,
]
"""The other tables. Movies come last, because their parts refer to people and genres."""


@dataclass(frozen=True, slots=True)
class CatalogueEndpoint:
    """Source or target of a copy: a database with its backend."""

    backend: Backend
    engines: Engines


@dataclass(frozen=True, slots=True)
class CatalogueChecksums:
    """Checksums that are equal for equal catalogues, independent of the kind of database.

    Args:
        by_table: For each table its number of rows, then the sum of each integer column and of
            the text lengths of each text column.
        checksum: XXH3-128 in hexadecimal over the documents of all movies and over every row that
            belongs to no movie, in the order of their keys.
    """

    by_table: dict[str, tuple[int, ...]]
    checksum: str


def copy_catalogue(
    source: CatalogueEndpoint, target: CatalogueEndpoint, on_progress: OnProgress
) -> CatalogueChecksums:
    """Copy all rows into an empty database, or resume an interrupted copy.

    Reads one snapshot of the source, so that concurrent writes to it do no harm. If the movies of
    the source changed since the interrupted copy, the copy restarts from the beginning.

    Both databases have the current schema. Returns the checksums, which are equal for both;
    `on_progress` receives the number of copied movies and their total.

    Raises:
        InvalidInput: The target is not empty, or a database has another schema version.
        DatabaseUnavailable: A database failed, or the checksums differ. Committed batches stay,
            and the next call resumes.
    """
    with translated_errors(), _snapshot(source) as snapshot:
        if schema.version_of(snapshot) != schema.own_version():
            raise InvalidInput(
                "The source has a different schema version: run `migrate` on it first."
            )
        mark = f"{schema.UNFINISHED_COPY}{read_revision(snapshot)}"
        _begin(target, mark)
        total = _count(snapshot, MOVIES)
        for table in _WHOLES:
            for copied in _copy_table(snapshot, target, table):
                if table is MOVIES:
                    on_progress(copied, total)
        return _end(source, snapshot, target)


@contextmanager
def _snapshot(endpoint: CatalogueEndpoint) -> Iterator[Connection]:
    """Yield a connection whose statements all read the same snapshot."""
    isolation = endpoint.backend.snapshot_isolation
    engine = endpoint.engines.reading.execution_options(isolation_level=isolation)
    with engine.begin() as connection, endpoint.backend.without_timeouts(connection):
        yield connection


@contextmanager
def _writing(endpoint: CatalogueEndpoint) -> Iterator[Connection]:
    with (
        endpoint.engines.writing.begin() as connection,
        endpoint.backend.without_timeouts(connection),
    ):
        yield connection


def _begin(target: CatalogueEndpoint, mark: str) -> None:
    """Prepare the target: keep a copy of the same revision, else mark an empty one as unfinished.

    An unfinished copy of another revision is emptied first.
    """
    with _writing(target) as connection:
        version = schema.version_of(connection)
        if version == mark:
            return
        if version.startswith(schema.UNFINISHED_COPY):
            for table in reversed(Base.metadata.sorted_tables):
                connection.execute(delete(table))
        elif version != schema.own_version():
            raise InvalidInput(
                "The target has the schema of a newer version of this program: run the copy with"
                " that version."
            )
        elif any(_count(connection, table) for table in Base.metadata.sorted_tables):
            raise InvalidInput("The target is not empty: choose a database without a catalogue.")
        schema.set_version(connection, mark)
        drop_constraints(connection)


def _copy_table(snapshot: Connection, target: CatalogueEndpoint, table: Table) -> Iterator[int]:
    """Copy the rows that the target lacks.

    Yields:
        The number of rows in the target, first before any copy and then after each batch.
    """
    keys = list(table.primary_key.columns)
    with _writing(target) as connection:
        newest = select(*keys).order_by(*(key.desc() for key in keys)).limit(1)
        last: Sequence[Any] | None = connection.execute(newest).first()
        copied = _count(connection, table)
    yield copied
    while rows := _read(snapshot, table, _after_key(keys, last), BATCH_MOVIES):
        with _writing(target) as connection:
            BulkInsert(connection, table).run(rows)
            for part in _PARTS if table is MOVIES else ():
                of_movies = part.columns.movie_id.between(rows[0][0], rows[-1][0])
                BulkInsert(connection, part).run(_read(snapshot, part, of_movies))
        last = _key_of(table, rows[-1])
        copied += len(rows)
        yield copied


def _read(
    connection: Connection, table: Table, condition: ColumnElement[bool], limit: int | None = None
) -> list[Row]:
    """Return the rows that meet a condition, by key."""
    statement = select(table).where(condition).order_by(*table.primary_key.columns).limit(limit)
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


def _end(
    source: CatalogueEndpoint, snapshot: Connection, target: CatalogueEndpoint
) -> CatalogueChecksums:
    """Restore constraints and id counters of the target, compare checksums, and mark it complete.

    Raises:
        DatabaseUnavailable: The checksums differ; the target stays marked as unfinished.
    """
    with _writing(target) as connection:
        restore_constraints(connection)
        for table in _WHOLES:
            if table.autoincrement_column is not None:
                next_id = source.backend.next_id(snapshot, table)
                target.backend.set_next_id(connection, table, next_id)
        checksums = _sum_up(connection)
        if checksums != _sum_up(snapshot):
            raise DatabaseUnavailable(
                "Checksums of source and target differ: drop the target and copy again."
            )
        schema.set_version(connection, schema.own_version())
    return checksums


def _sum_up(connection: Connection) -> CatalogueChecksums:
    checksum = xxhash.xxh3_128()
    for table in _WHOLES:
        columns = [table.columns.document] if table is MOVIES else table.columns
        rows = select(*columns).order_by(*table.primary_key.columns)
        for row in connection.execute(rows.execution_options(yield_per=BATCH_MOVIES)):
            checksum.update(row[0] if table is MOVIES else repr(tuple(row)).encode())
    by_table = {table.name: _sums(connection, table) for table in [*_PARTS, *_WHOLES]}
    return CatalogueChecksums(by_table, checksum.hexdigest())


def _sums(connection: Connection, table: Table) -> tuple[int, ...]:
    length = func.char_length if connection.dialect.name == "mariadb" else func.length
    checksums: list[ColumnElement[Any]] = [func.count()]
    for column in table.columns:
        if isinstance(column.type, Integer):
            checksums.append(func.sum(column))
        elif isinstance(column.type, String):
            checksums.append(func.sum(length(column)))
    row = connection.execute(select(*checksums).select_from(table)).one()
    return tuple(int(value or 0) for value in row)


def _after_key(keys: list[Column[Any]], last: Sequence[Any] | None) -> ColumnElement[bool]:
    if last is None:
        return true()
    return keys[0] > last[0] if len(keys) == 1 else tuple_(*keys) > tuple(last)


def _count(connection: Connection, table: Table) -> int:
    return connection.scalar(select(func.count()).select_from(table)) or 0
