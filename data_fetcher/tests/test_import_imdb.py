"""Import of IMDb's data sets into a catalogue."""

import json
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from contextlib import AbstractContextManager, closing
from pathlib import Path

import orjson
import pytest

from common.errors import DatabaseUnavailable, InvalidInput, MoviesError
from common.tests.in_process import run_in_process
from data_fetcher.cli.app import app
from data_fetcher.imdb import importer as imdb_import
from data_fetcher.imdb.files import find_data_sets
from data_fetcher.imdb.importer import ImdbImport, ImportReport
from data_fetcher.imdb.movie_reader import MovieBatch
from data_fetcher.imdb.selection import Selection
from data_fetcher.sample_data.imdb_files import Amounts, generate
from data_layer.database import Database
from data_layer.entities.movie import MovieFacts
from data_layer.entities.movie_query import MovieQuery
from data_layer.entities.movie_serialization import parse_facts
from data_layer.ports.bulk_load import BulkLoad

pytestmark = pytest.mark.integration

ROOT = Path(__file__).parents[2]
TITLES = 5_000


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the files of some thousand generated titles."""
    path = tmp_path_factory.mktemp("imdb")
    generate(path, Amounts(TITLES, 2_000, 15_000), 3, ignore)
    return path


def importing(database: Database, folder: Path, staging: Path, **chosen: object) -> ImdbImport:
    selection = Selection(**chosen)  # type: ignore[arg-type]  # Any fields.
    files = find_data_sets(folder)
    return ImdbImport(database, files, selection, staging, ignore, ignore)


def ignore(_done: int, _total: int | None) -> None:
    """Discard the progress."""


def movies(database: Database) -> dict[str, MovieFacts]:
    """Return all movies by IMDb id, or by title if they have none."""
    found, query = {}, MovieQuery(limit=100)
    while True:
        with database.unit_of_work(is_read_only=True) as uow:
            page = uow.movies.list(query)
        for movie in page.movies:
            facts = parse_facts(movie.document)
            found[facts.imdb_id or facts.title] = facts
        if page.next_after is None:
            return found
        query = MovieQuery(limit=100, after=page.next_after)


def counts(report: ImportReport) -> tuple[int, int, int]:
    return report.added, report.changed, report.unchanged


def test_a_second_import_changes_nothing(database: Database, folder: Path, tmp_path: Path) -> None:
    report = importing(database, folder, tmp_path).run()
    assert report.added == len(movies(database)) > TITLES * 0.9
    assert any(len(movie.cast) > 2 for movie in movies(database).values())
    before = movies(database)
    again = importing(database, folder, tmp_path).run()
    assert counts(again) == (0, 0, report.added)
    assert movies(database) == before


def test_stores_only_selected_titles(database: Database, folder: Path, tmp_path: Path) -> None:
    chosen = {"types": frozenset({"movie"}), "min_votes": 50, "since": 1980}
    report = importing(database, folder, tmp_path, **chosen).run()
    found = movies(database).values()
    assert 0 < report.added == len(found) < TITLES / 2
    assert all(
        movie.type == "movie" and (movie.imdb_votes or 0) >= 50 and (movie.year or 0) >= 1980
        for movie in found
    )


@pytest.mark.parametrize("filled_max", [imdb_import.FILLED_MAX, 1])
def test_existing_movies_keep_fields_that_imdb_lacks(
    database: Database,
    folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    filled_max: int,
) -> None:
    monkeypatch.setattr(imdb_import, "FILLED_MAX", filled_max)
    monkeypatch.setattr(imdb_import, "UPDATED_AT_ONCE", 1)
    importing(database, folder, tmp_path, min_votes=1_000).run()
    rated = next(movie for movie in movies(database).values() if movie.cast and movie.genres)
    with database.unit_of_work() as uow:
        stored = uow.movies.find_by_imdb_id(rated.imdb_id or "")
        assert stored is not None
        stale = MovieFacts(title="Old", imdb_id=rated.imdb_id, plot="A plot.", awards="One.")
        uow.movies.update(stored.id, stale)
        uow.movies.add(MovieFacts(title="Unrelated"))
        uow.commit()
    report = importing(database, folder, tmp_path, min_votes=500).run()
    assert report.changed == 1
    assert report.added > 0
    now = movies(database)[rated.imdb_id or ""]
    assert (now.title, now.cast, now.plot, now.awards) == (
        *(rated.title, rated.cast),
        *("A plot.", "One."),
    )


class StoppingImport(ImdbImport):
    """Import that fails after 1,500 movies."""

    def _save_checkpoint(self, key: bytes, batch: MovieBatch) -> None:
        super()._save_checkpoint(key, batch)
        if self.report.added > 1_500:
            raise DatabaseUnavailable("Connection lost.")


@pytest.mark.parametrize("filled_max", [imdb_import.FILLED_MAX, 0])
def test_resumes_an_interrupted_import(
    database: Database,
    folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    filled_max: int,
) -> None:
    monkeypatch.setattr(imdb_import, "LOADED_MIN", 500)
    monkeypatch.setattr(imdb_import, "FILLED_MAX", filled_max)
    with database.unit_of_work() as uow:
        uow.movies.add(MovieFacts(title="Unrelated"))
        uow.commit()
    whole = importing(database, folder, tmp_path)
    stopping = StoppingImport(
        database, whole.files, whole.selection, tmp_path, whole.prepare, whole.advance
    )
    with pytest.raises(DatabaseUnavailable):
        stopping.run()
    stored = len(movies(database))
    assert 1_500 < stored < TITLES * 0.9
    bulk_load = database.bulk_load
    loads: list[int] = []

    def counted_load() -> AbstractContextManager[BulkLoad]:
        loads.append(1)
        return bulk_load()

    monkeypatch.setattr(database, "bulk_load", counted_load)
    report = importing(database, folder, tmp_path).run()
    assert bool(loads) is (filled_max > 0)
    assert counts(report)[1:] == (0, 0)
    assert stored + report.added == len(movies(database)) > TITLES * 0.9


def run(database: Database, *arguments: str) -> subprocess.CompletedProcess[str]:
    return run_in_process(app, ["import-imdb", *arguments], environment(database))


def environment(database: Database) -> dict[str, str]:
    url = database.engines.writing.url
    shown = url.set(drivername=url.get_backend_name()).render_as_string(hide_password=False)
    return {**os.environ, "DATABASE_URL": shown, "COLUMNS": "200"}


def test_the_command_imports_into_every_database(any_database: Database, folder: Path) -> None:
    done = run(any_database, str(folder), "--types", "movie,series", "--min-votes", "100", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["added"] == len(movies(any_database)) > 0
    again = run(
        any_database, str(folder), "--types", "movie", "--min-votes", "100", "--include-adult"
    )
    assert "lines left out: 0." in again.stdout


def test_the_command_reports_invalid_files_and_options(
    database: Database, folder: Path, tmp_path: Path
) -> None:
    done = run(database, str(tmp_path))
    assert done.returncode == 2
    assert "Error: The folder contains no title.basics" in done.stderr
    done = run(database, str(folder), "--types", "movies")
    assert (done.returncode, "use movie, series" in done.stderr) == (2, True)
    header = "tconst\ttitleType\tprimaryTitle\toriginalTitle\tisAdult\tstartYear\tendYear"
    lines = [f"{header}\truntimeMinutes\tgenres", "tt0000001\tmovie\tA\tA\t0\t1999\t\\N\t90\tDrama"]
    (tmp_path / "title.basics.tsv").write_text("\n".join([*lines, "tt0000002\tnonsense", ""]))
    done = run(database, str(tmp_path))
    assert done.returncode == 3
    assert "title.basics.tsv, line 3: " in done.stderr
    assert "title.ratings.tsv.gz not found" in done.stderr
    assert "1 added, 0 changed, 0 unchanged; lines left out: 1." in done.stdout


def test_raises_on_a_damaged_file_and_stores_nothing(
    database: Database, folder: Path, tmp_path: Path
) -> None:
    for file in folder.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    names = tmp_path / "name.basics.tsv.gz"
    names.write_bytes(names.read_bytes()[:-100])
    with pytest.raises(InvalidInput, match="damaged or truncated after line"):
        importing(database, tmp_path, tmp_path).run()
    assert movies(database) == {}


def test_reports_a_killed_reader_process_and_can_be_repeated(
    database: Database, folder: Path, tmp_path: Path
) -> None:
    def kill(_done: int, _total: int | None) -> None:
        for process in multiprocessing.active_children():
            process.kill()

    dying = importing(database, folder, tmp_path)
    dying.advance = kill
    with pytest.raises(MoviesError, match="was killed: the system may be out of memory"):
        dying.run()
    importing(database, folder, tmp_path).run()
    assert len(movies(database)) > TITLES * 0.9


def test_ctrl_c_during_a_bulk_load_rolls_back_and_the_next_run_completes(
    tmp_path: Path, folder: Path
) -> None:
    path = tmp_path / "new.db"
    database = Database(f"sqlite:///{path}")
    database.migrate()
    database.close()
    with subprocess.Popen(
        [sys.executable, "-m", "data_fetcher", "import-imdb", str(folder)],
        cwd=ROOT,
        env=environment(database),
        stderr=subprocess.PIPE,
        start_new_session=True,
        text=True,
    ) as process:
        while not (has_started := Path(f"{path}-journal").exists()) and process.poll() is None:
            time.sleep(0.001)  # A bulk load writes a rollback journal, no WAL.
        os.killpg(process.pid, signal.SIGINT)  # Terminals signal the whole process group.
        assert process.stderr is not None
        stderr = process.stderr.read()
    assert has_started
    assert (process.returncode, stderr.splitlines()[-1]) == (130, "Stopped.")
    assert "Traceback" not in stderr
    with closing(database):
        assert movies(database) == {}
        assert run(database, str(folder)).returncode == 0
        assert len(movies(database)) > TITLES * 0.9


def test_imported_movies_have_a_document(database: Database, folder: Path, tmp_path: Path) -> None:
    importing(database, folder, tmp_path, min_votes=1_000).run()
    imdb_id, facts = next(iter(movies(database).items()))
    with database.unit_of_work(is_read_only=True) as uow:
        movie = uow.movies.find_by_imdb_id(imdb_id)
    assert movie is not None
    assert orjson.loads(movie.document)["title"] == facts.title
