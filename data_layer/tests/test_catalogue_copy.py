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

from common.errors import DatabaseUnavailable, InvalidInput
from data_layer.database import Database
from data_layer.entities.api_key import ApiKey
from data_layer.entities.import_checkpoint import ImportPosition
from data_layer.entities.ingest import IngestFault, IngestSource
from data_layer.entities.movie import MovieFacts
from data_layer.entities.movie_refresh import MovieCheck
from data_layer.entities.scope import Scope
from data_layer.entities.seed import Seed
from data_layer.entities.signing_key import SigningKey
from data_layer.entities.update_watermark import MovieMark
from data_layer.entities.upstream_state import Upstream
from data_layer.sql import catalogue_copy, schema
from data_layer.sql.bulk_constraints import restore
from data_layer.sql.models import Base
from data_layer.tests.test_account_repositories import ALICE, ANSWER, ENTRY, NOW, SESSION
from data_layer.tests.test_bulk_load import FILMS, index_names, tables
from data_layer.tests.test_fetch_repositories import a_wish
from data_layer.tests.test_ingest_repositories import an_ingest

pytestmark = pytest.mark.integration

KINDS = ("sqlite", "postgresql", "mariadb")
TURN = 30
"""Films in one transaction, here."""

OpenDatabase = Callable[[str], Database]


@pytest.fixture(autouse=True)
def _small_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalogue_copy, "FILMS_AT_ONCE", TURN)


@pytest.fixture
def open_database(request: pytest.FixtureRequest, tmp_path: Path) -> OpenDatabase:
    """Opens an empty catalogue; a second one of a kind is the same one."""

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
    """The database with something in every table, of which the newest film is gone again."""
    with database.unit_of_work() as uow:
        stored = uow.movies.add_many(FILMS)
        uow.seeds.add_many([Seed("tt0000001", "Été 🎬")])
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
        uow.kept_answers.put(ANSWER)
        uow.fetches.add_many([a_wish(1), a_wish(2, imdb_id="tt0078748", film_id=1)])
        uow.movie_checks.put_many([MovieCheck(movie_id=stored[0].id, checked_at=NOW, due_at=NOW)])
        uow.movie_marks.add_many([MovieMark(bytes(range(32)), NOW)])
        uow.ingests.add_many([(an_ingest(1), [IngestFault(2, "year", "Not a year.")])])
        uow.ingests.put_source(IngestSource(name="dir:/drop", looked_at=NOW))
        uow.import_positions.put(ImportPosition(bytes(32), "tt0000007"))
        uow.upstream.put(Upstream(day=NOW.date(), spent=7, closed_until=NOW))
        uow.commit()
    with database.unit_of_work() as uow:
        uow.movies.remove(stored[-1].id)
        uow.commit()
    return database


def nothing(_done: int, _total: int) -> None:
    """Nobody looks at the progress."""


def add(database: Database, film: MovieFacts) -> int:
    """The id of a new film."""
    with database.unit_of_work() as uow:
        movie_id = uow.movies.add(film).id
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
    sums = of_source.copy_to(of_target, lambda done, total: seen.append((done, total)))
    assert tables(of_target) == tables(of_source)
    assert all(tables(of_target).values())
    assert sums.by_table["movies"][0] == 99
    assert seen == [(done, 99) for done in (0, 30, 60, 90, 99)]
    assert index_names(of_target) == indexes
    with of_target.engines.reading.connect() as connection:
        context = MigrationContext.configure(connection)
        assert compare_metadata(context, Base.metadata) == []
    assert of_target.is_current()
    new = MovieFacts(title="New", cast=("Somebody New",))
    assert add(of_target, new) == add(of_source, new) == 101


class Interrupted(Exception):
    """Somebody pressed Ctrl-C."""


def interrupt_at(films: int) -> Callable[[int, int], None]:
    """What stops a copy that has so many films."""

    def stop(done: int, _total: int) -> None:
        if done >= films:
            raise Interrupted

    return stop


@pytest.mark.parametrize("kind", KINDS)
def test_a_copy_that_was_stopped_goes_on(
    kind: str, open_database: OpenDatabase, database: Database
) -> None:
    source, target = filled(database), open_database(kind)
    with pytest.raises(Interrupted):
        source.copy_to(target, interrupt_at(60))
    for ask in (target.is_current, target.migrate):
        with pytest.raises(DatabaseUnavailable, match="unfinished copy"):
            ask()
    with target.engines.writing.begin() as connection:
        restore(connection)  # As far as it had come when it was stopped near its end.
    seen: list[int] = []
    source.copy_to(target, lambda done, _total: seen.append(done))
    assert seen == [60, 90, 99]
    assert tables(target) == tables(source)
    assert target.is_current()


@pytest.mark.parametrize("kind", KINDS)
def test_it_begins_anew_where_the_source_has_changed(
    kind: str, open_database: OpenDatabase, database: Database
) -> None:
    source, target = filled(database), open_database(kind)
    with pytest.raises(Interrupted):
        source.copy_to(target, interrupt_at(60))
    with source.unit_of_work() as uow:
        uow.movies.remove(7)
        uow.commit()
    source.copy_to(target, nothing)
    assert tables(target) == tables(source)


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_copied_is_of_one_moment(
    kind: str, open_database: OpenDatabase, tmp_path: Path
) -> None:
    source = open_database(kind)
    target = Database(f"sqlite:///{tmp_path / 'moment.db'}")
    filled(source)
    before = tables(source)

    def write(_done: int, _total: int) -> None:
        writer = threading.Thread(target=add, args=(source, MovieFacts(title="Meanwhile")))
        writer.start()
        writer.join()

    source.copy_to(target, write)
    assert tables(target) == before
    target.close()


def test_a_target_that_holds_something_is_left_as_it_is(
    open_database: OpenDatabase, database: Database
) -> None:
    target = open_database("sqlite")
    add(target, FILMS[0])
    before = tables(target)
    with pytest.raises(InvalidInput, match="not empty"):
        filled(database).copy_to(target, nothing)
    assert tables(target) == before
    assert target.is_current()


def test_a_source_of_another_schema_is_not_copied(
    open_database: OpenDatabase, database: Database
) -> None:
    schema.downgrade(database.engines, "-1")
    with pytest.raises(InvalidInput, match="migrate"):
        database.copy_to(open_database("sqlite"), nothing)


def test_a_target_of_a_newer_program_is_left_as_it_is(
    open_database: OpenDatabase, database: Database
) -> None:
    target = open_database("sqlite")
    with target.engines.writing.begin() as connection:
        schema.set_version(connection, "9999")
    with pytest.raises(InvalidInput, match="newer program"):
        filled(database).copy_to(target, nothing)


def test_a_copy_that_somebody_has_touched_is_found_out(
    open_database: OpenDatabase, database: Database, tmp_path: Path
) -> None:
    source, target = filled(database), open_database("sqlite")
    with pytest.raises(Interrupted):
        source.copy_to(target, interrupt_at(60))
    with closing(sqlite3.connect(tmp_path / "target.db")) as other, other:
        other.execute("UPDATE credits SET person_id = person_id + 1 WHERE movie_id = 5")
    with pytest.raises(DatabaseUnavailable, match="not like its source"):
        source.copy_to(target, nothing)
    with pytest.raises(DatabaseUnavailable, match="unfinished copy"):
        target.is_current()


def test_a_backup_is_whole_while_others_write(database: Database, tmp_path: Path) -> None:
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
    with pytest.raises(InvalidInput, match="there already"):
        database.backup(tmp_path / "backup.db", nothing)


def test_a_backup_that_cannot_be_written_leaves_nothing_behind(
    database: Database, tmp_path: Path
) -> None:
    with pytest.raises(InvalidInput, match="can't be written"):
        database.backup(tmp_path / "missing" / "backup.db", nothing)


@pytest.mark.parametrize(("kind", "program"), [("postgresql", "pg_dump"), ("mariadb", "dump")])
def test_servers_are_backed_up_by_their_own_programs(
    kind: str, program: str, open_database: OpenDatabase, tmp_path: Path
) -> None:
    with pytest.raises(InvalidInput, match=program):
        open_database(kind).backup(tmp_path / "backup.db", nothing)
