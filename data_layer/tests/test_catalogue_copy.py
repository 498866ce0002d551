import datetime as dt
import itertools
import sqlite3
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import insert

from common.errors import DatabaseUnavailable, InvalidInput
from data_layer.database import Database
from data_layer.entities.api_key import ApiKey
from data_layer.entities.import_checkpoint import ImportCheckpoint
from data_layer.entities.ingest import IngestError, IngestSource
from data_layer.entities.movie import MovieFacts
from data_layer.entities.movie_refresh import MovieRefresh
from data_layer.entities.scope import Scope
from data_layer.entities.signing_key import SigningKey
from data_layer.entities.update_watermark import UpdateWatermark
from data_layer.entities.upstream_state import UpstreamState
from data_layer.sql import catalogue_copy, schema
from data_layer.sql.bulk_constraints import restore_constraints
from data_layer.sql.models import SEEDS, Base
from data_layer.tests.test_account_repositories import (
    ALICE,
    ENTRY,
    IDEMPOTENCY_RECORD,
    NOW,
    SESSION,
)
from data_layer.tests.test_bulk_load import MOVIES, index_names, tables
from data_layer.tests.test_fetch_repositories import a_fetch
from data_layer.tests.test_ingest_repositories import an_ingest

pytestmark = pytest.mark.integration

KINDS = ("sqlite", "postgresql", "mariadb")
BATCH = 30
"""Movies per transaction in these tests."""

OpenDatabase = Callable[[str], Database]


@pytest.fixture(autouse=True)
def _small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalogue_copy, "BATCH_MOVIES", BATCH)


@pytest.fixture
def open_database(request: pytest.FixtureRequest, tmp_path: Path) -> OpenDatabase:
    """Return a function that opens an empty catalogue; the same one for the same kind."""

    def open_one(kind: str) -> Database:
        if kind == "sqlite":
            database = Database(f"sqlite:///{tmp_path / 'target.db'}")
            database.migrate()
        else:
            database = Database(request.getfixturevalue(f"{kind}_url"))
        request.addfinalizer(database.close)
        return database

    return open_one


def filled(database: Database) -> Database:
    """Fill every table of the database, remove its newest movie, and return the database."""
    with database.unit_of_work() as uow:
        stored = uow.movies.add_many(MOVIES)
        uow.api_keys.add(
            ApiKey(
                name="robot",
                prefix="mvs_12345678",
                secret_hash=bytes(range(32)),
                scopes=frozenset({Scope.ADMIN}),
                created_at=dt.datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=dt.UTC),
            )
        )
        uow.users.add(ALICE)
        uow.sessions.add(SESSION)
        uow.signing_keys.add(SigningKey(id="k", secret=bytes(range(32)), created_at=NOW))
        uow.audit.add_many([ENTRY])
        uow.idempotency_records.put(IDEMPOTENCY_RECORD)
        uow.fetches.add_many(
            [a_fetch(1, is_seed=True), a_fetch(2, imdb_id="tt0078748", movie_id=1)]
        )
        uow.movie_refreshes.put_many(
            [MovieRefresh(movie_id=stored[0].id, fetched_at=NOW, due_at=NOW)]
        )
        uow.update_watermarks.add_many([UpdateWatermark(bytes(range(32)), NOW)])
        uow.ingests.add_many([(an_ingest(1), [IngestError(2, "year", "Not a year.")])])
        uow.ingests.put_source(IngestSource(name="dir:/drop", scanned_at=NOW))
        uow.import_checkpoints.put(ImportCheckpoint(bytes(32), "tt0000007"))
        uow.upstream_state.put(
            UpstreamState(quota_day=NOW.date(), quota_used=7, circuit_open_until=NOW)
        )
        uow.commit()
    with database.unit_of_work() as uow:
        uow.movies.remove(stored[-1].id)
        uow.commit()
    with database.engines.writing.begin() as connection:
        seed = {"position": 0, "imdb_id": "tt0000001", "title": "Été 🎬", "state": "stored"}
        connection.execute(insert(SEEDS).values(seed))
    return database


def ignore_progress(_done: int, _total: int) -> None:
    """Ignore the progress."""


def add(database: Database, movie: MovieFacts) -> int:
    """Store a new movie, and return its id."""
    with database.unit_of_work() as uow:
        movie_id = uow.movies.add(movie).id
        uow.commit()
    return movie_id


@pytest.mark.parametrize(
    ("source", "target"), [*itertools.permutations(KINDS, 2), ("sqlite", "sqlite")]
)
def test_copies_everything(
    source: str, target: str, open_database: OpenDatabase, database: Database
) -> None:
    of_source = filled(database if source == "sqlite" else open_database(source))
    of_target = open_database(target)
    indexes = index_names(of_target)
    seen: list[tuple[int, int]] = []
    checksums = of_source.copy_to(of_target, lambda done, total: seen.append((done, total)))
    assert tables(of_target) == tables(of_source)
    assert all(tables(of_target).values())
    assert checksums.by_table["movies"][0] == 99
    assert seen == [(done, 99) for done in (0, 30, 60, 90, 99)]
    assert index_names(of_target) == indexes
    with of_target.engines.reading.connect() as connection:
        context = MigrationContext.configure(connection)
        assert compare_metadata(context, Base.metadata) == []
    assert of_target.is_current()
    new = MovieFacts(title="New", cast=("Ann New",))
    assert add(of_target, new) == add(of_source, new) == 101


class Interrupted(Exception):
    """Interruption of a copy, such as Ctrl-C."""


def interrupt_at(movies: int) -> Callable[[int, int], None]:
    """Return a progress callback that stops a copy at this number of movies."""

    def stop(done: int, _total: int) -> None:
        if done >= movies:
            raise Interrupted

    return stop


@pytest.mark.parametrize("kind", KINDS)
def test_resumes_an_interrupted_copy(
    kind: str, open_database: OpenDatabase, database: Database
) -> None:
    source, target = filled(database), open_database(kind)
    with pytest.raises(Interrupted):
        source.copy_to(target, interrupt_at(60))
    for check in (target.is_current, target.migrate):
        with pytest.raises(DatabaseUnavailable, match="unfinished copy"):
            check()
    with target.engines.writing.begin() as connection:
        restore_constraints(connection)  # The state after an interruption near the end.
    seen: list[int] = []
    source.copy_to(target, lambda done, _total: seen.append(done))
    assert seen == [60, 90, 99]
    assert tables(target) == tables(source)
    assert target.is_current()


@pytest.mark.parametrize("kind", KINDS)
def test_restarts_a_copy_after_the_source_changed(
    kind: str, open_database: OpenDatabase, database: Database
) -> None:
    source, target = filled(database), open_database(kind)
    with pytest.raises(Interrupted):
        source.copy_to(target, interrupt_at(60))
    with source.unit_of_work() as uow:
        uow.movies.remove(7)
        uow.commit()
    source.copy_to(target, ignore_progress)
    assert tables(target) == tables(source)


@pytest.mark.parametrize("kind", KINDS)
def test_copies_one_snapshot_during_writes(
    kind: str, open_database: OpenDatabase, tmp_path: Path
) -> None:
    source = open_database(kind)
    target = Database(f"sqlite:///{tmp_path / 'snapshot.db'}")
    filled(source)
    before = tables(source)

    def write(_done: int, _total: int) -> None:
        writer = threading.Thread(target=add, args=(source, MovieFacts(title="Meanwhile")))
        writer.start()
        writer.join()

    source.copy_to(target, write)
    assert tables(target) == before
    target.close()


def test_rejects_a_target_that_is_not_empty(
    open_database: OpenDatabase, database: Database
) -> None:
    target = open_database("sqlite")
    add(target, MOVIES[0])
    before = tables(target)
    with pytest.raises(InvalidInput, match="not empty"):
        filled(database).copy_to(target, ignore_progress)
    assert tables(target) == before
    assert target.is_current()


def test_rejects_a_source_with_another_schema_version(
    open_database: OpenDatabase, database: Database
) -> None:
    schema.downgrade(database.engines, "-1")
    with pytest.raises(InvalidInput, match="migrate"):
        database.copy_to(open_database("sqlite"), ignore_progress)


def test_rejects_a_target_of_a_newer_version(
    open_database: OpenDatabase, database: Database
) -> None:
    target = open_database("sqlite")
    with target.engines.writing.begin() as connection:
        schema.set_version(connection, "9999")
    with pytest.raises(InvalidInput, match="newer version"):
        filled(database).copy_to(target, ignore_progress)


def test_detects_a_change_of_an_unfinished_copy(
    open_database: OpenDatabase, database: Database, tmp_path: Path
) -> None:
    source, target = filled(database), open_database("sqlite")
    with pytest.raises(Interrupted):
        source.copy_to(target, interrupt_at(60))
    with closing(sqlite3.connect(tmp_path / "target.db")) as other, other:
        other.execute("UPDATE credits SET person_id = person_id + 1 WHERE movie_id = 5")
    with pytest.raises(DatabaseUnavailable, match="Checksums of source and target differ"):
        source.copy_to(target, ignore_progress)
    with pytest.raises(DatabaseUnavailable, match="unfinished copy"):
        target.is_current()


def test_a_backup_during_writes_is_consistent(database: Database, tmp_path: Path) -> None:
    filled(database)
    seen: list[tuple[int, int]] = []

    def write(done: int, total: int) -> None:
        seen.append((done, total))
        add(database, MovieFacts(title="Meanwhile"))

    database.backup(tmp_path / "backup.db", write)
    backup = Database(f"sqlite:///{tmp_path / 'backup.db'}")
    assert backup.is_current()
    assert set(tables(database)["people"]) >= set(tables(backup)["people"])
    assert len(tables(backup)["movies"]) >= 99
    assert seen[-1][0] == seen[-1][1]
    backup.close()
    with pytest.raises(InvalidInput, match="already exists"):
        database.backup(tmp_path / "backup.db", ignore_progress)


def test_a_backup_that_cannot_be_written_leaves_no_file(database: Database, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="can't be written"):
        database.backup(tmp_path / "missing" / "backup.db", ignore_progress)


@pytest.mark.parametrize(("kind", "program"), [("postgresql", "pg_dump"), ("mariadb", "dump")])
def test_rejects_a_backup_of_a_server(
    kind: str, program: str, open_database: OpenDatabase, tmp_path: Path
) -> None:
    with pytest.raises(InvalidInput, match=program):
        open_database(kind).backup(tmp_path / "backup.db", ignore_progress)
