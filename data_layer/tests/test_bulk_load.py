import dataclasses
import sqlite3
from pathlib import Path

import pytest
from sqlalchemy import inspect

from common.errors import Conflict, DatabaseBusy
from common.performance_fixtures import Measure
from data_layer.database import Database
from data_layer.database_options import DatabaseOptions
from data_layer.entities.movie import MovieFacts, Rating
from data_layer.entities.movie_query import MovieFilter, MovieQuery
from data_layer.sql.catalogue import movie_relations
from data_layer.sql.models import Base

MOVIES = [
    MovieFacts(
        title=f"Movie {number:03}",
        imdb_id=f"tt9{number:09}",
        year=1990 + number % 3,
        genres=("Drama", "Comédie")[: number % 3],
        directors=("Ada Lovelace",),
        cast=("Zoë Bell", "ZOE BELL", f"Extra {number // 10}"),
        ratings=(Rating("Metacritic", "50/100"),),
    )
    for number in range(100)
]


def tables(database: Database) -> dict[str, set[tuple[object, ...]]]:
    """Return all rows by table, with values as text."""
    with database.engines.reading.connect() as connection:
        return {
            table.name: {tuple(map(repr, row)) for row in connection.execute(table.select())}
            for table in Base.metadata.sorted_tables
        }


def index_names(database: Database) -> set[str | None]:
    inspector = inspect(database.engines.reading)
    return {
        index["name"]
        for table in inspector.get_table_names()
        for index in inspector.get_indexes(table)
    }


def test_stores_the_same_rows_as_adding_movies(any_database: Database, tmp_path: Path) -> None:
    other = Database(f"sqlite:///{tmp_path / 'other.db'}")
    other.migrate()
    with other.unit_of_work() as uow:
        uow.movies.add_many(MOVIES)
        uow.commit()
    with any_database.bulk_load() as load:
        load.add_many(MOVIES[:30])
        load.add_many(MOVIES[30:])
    assert tables(any_database) == tables(other)
    other.close()


def test_continues_after_existing_movies_and_ids(any_database: Database) -> None:
    with any_database.unit_of_work() as uow:
        first = uow.movies.add_many(MOVIES[:2])[1]
        uow.movies.remove(first.id)
        uow.commit()
    with any_database.bulk_load() as load:
        assert load.next_id == 3  # The id of a removed movie is not reused.
        load.add_many(MOVIES[2:])
    with any_database.unit_of_work() as uow:
        later = uow.movies.add(MOVIES[1])
        page = uow.movies.list(
            MovieQuery(filter=MovieFilter(cast="zoe bell"), limit=100, counts_total=True)
        )
    assert later.id == len(MOVIES) + 1
    assert page.total == len(page.movies) == len(MOVIES)


def test_finds_people_again_after_the_cache_is_cleared(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(movie_relations, "_CACHED_NAMES_MAX", 1)
    with database.bulk_load() as load:
        for facts in MOVIES:
            load.add_many([facts])
    query = MovieQuery(filter=MovieFilter(cast="zoe bell"), counts_total=True)
    with database.unit_of_work(is_read_only=True) as uow:
        assert uow.movies.list(query).total == len(MOVIES)


def test_a_second_load_continues_after_the_first(any_database: Database) -> None:
    with any_database.bulk_load() as load:
        load.add_many(MOVIES[:2])
    with any_database.bulk_load() as load:
        assert load.next_id == 3
        load.add_many(MOVIES[2:])
    with any_database.unit_of_work(is_read_only=True) as uow:
        assert uow.movies.list(MovieQuery(counts_total=True)).total == len(MOVIES)


def test_an_empty_load_does_not_reuse_ids(any_database: Database) -> None:
    with any_database.unit_of_work() as uow:
        last = uow.movies.add_many(MOVIES[:3])[-1]
        uow.movies.remove(last.id)
        uow.commit()
    with any_database.bulk_load():
        pass
    with any_database.unit_of_work() as uow:
        assert uow.movies.add(MOVIES[4]).id > last.id


def test_recreates_every_index(any_database: Database) -> None:
    before = index_names(any_database)
    with any_database.bulk_load() as load:
        load.add_many(MOVIES)
    assert index_names(any_database) == before != set()


def test_rolls_back_on_an_error(any_database: Database) -> None:
    before, indexes = tables(any_database), index_names(any_database)
    with pytest.raises(Conflict), any_database.bulk_load() as load:
        load.add_many(MOVIES)
        load.add_many(MOVIES[:1])
    with pytest.raises(KeyError), any_database.bulk_load() as load:
        load.add_many(MOVIES)
        raise KeyError
    assert tables(any_database) == before
    assert index_names(any_database) == indexes
    assert any_database.revision.number == -1


def test_advances_the_revision(database: Database) -> None:
    with database.bulk_load() as load:
        load.add_many(MOVIES)
    assert database.revision.number == 1


def test_memory_does_not_grow_with_the_number_of_movies(
    database: Database, measure: Measure
) -> None:
    with database.bulk_load() as load, measure("20,000 movies in bulk") as cost:
        for start in range(0, 20_000, 500):
            load.add_many(
                [dataclasses.replace(MOVIES[0], imdb_id=f"tt{start + n}") for n in range(500)]
            )
    assert cost.peak_bytes - cost.start_bytes < 64 * 2**20


@pytest.mark.parametrize("is_shared", [False, True])
def test_restores_the_pragmas_of_connections(
    database: Database, tmp_path: Path, is_shared: bool
) -> None:
    other = sqlite3.connect(tmp_path / "movies.db")
    if is_shared:
        other.execute("SELECT count(*) FROM movies").fetchall()
    with database.bulk_load() as load:
        load.add_many(MOVIES)
        if is_shared:  # Readers continue, and see the movies after the commit.
            assert other.execute("SELECT count(*) FROM movies").fetchone() == (0,)
    assert other.execute("SELECT count(*) FROM movies").fetchone() == (100,)
    other.close()
    with database.engines.reading.connect() as connection:
        pragmas = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "foreign_keys", "busy_timeout")
        }
    assert pragmas == {"journal_mode": "wal", "foreign_keys": 1, "busy_timeout": 5000}


def test_fails_while_another_connection_writes(database: Database, tmp_path: Path) -> None:
    other = sqlite3.connect(tmp_path / "movies.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    url = database.engines.reading.url.render_as_string()
    impatient = Database(url, DatabaseOptions(lock_timeout_seconds=0))
    with pytest.raises(DatabaseBusy, match="write lock"), impatient.bulk_load():
        pass
    impatient.close()
    other.close()


def test_an_empty_batch_adds_nothing(database: Database) -> None:
    with database.bulk_load() as load:
        load.add_many([])
        assert load.next_id == 1
