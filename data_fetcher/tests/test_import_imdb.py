"""IMDb's data sets, stored in a catalogue."""

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
from data_fetcher.imdb import importer as imdb_import
from data_fetcher.imdb.files import find_files
from data_fetcher.imdb.importer import ImdbImport, ImportReport
from data_fetcher.imdb.movie_reader import FilmBatch
from data_fetcher.imdb.selection import Selection
from data_fetcher.sample_data.imdb_files import Amounts, generate
from data_layer.database import Database
from data_layer.entities.movie import MovieFacts
from data_layer.entities.movie_document import movie_facts
from data_layer.entities.movie_query import MovieQuery
from data_layer.ports.bulk_load import BulkLoad

pytestmark = pytest.mark.integration

ROOT = Path(__file__).parents[2]
TITLES = 5_000


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files of some thousand titles that nobody has made."""
    path = tmp_path_factory.mktemp("imdb")
    generate(path, Amounts(TITLES, 2_000, 15_000), 3, ignore)
    return path


def importing(database: Database, folder: Path, staging: Path, **chosen: object) -> ImdbImport:
    selection = Selection(**chosen)  # type: ignore[arg-type]  # Of any fields.
    files = find_files(folder)
    return ImdbImport(database, files, selection, staging, ignore, ignore)


def ignore(_done: int, _total: int | None) -> None:
    """Nobody looks."""


def films(database: Database) -> dict[str, MovieFacts]:
    """The films with an IMDb id."""
    found, query = {}, MovieQuery(limit=100)
    while True:
        with database.unit_of_work(is_read_only=True) as uow:
            page = uow.movies.list(query)
        for movie in page.movies:
            facts = movie_facts(movie.document)
            found[facts.imdb_id or facts.title] = facts
        if page.next_after is None:
            return found
        query = MovieQuery(limit=100, after=page.next_after)


def counts(report: ImportReport) -> tuple[int, int, int]:
    return report.added, report.changed, report.unchanged


def test_titles_become_films_and_a_second_import_changes_nothing(
    database: Database, folder: Path, tmp_path: Path
) -> None:
    report = importing(database, folder, tmp_path).run()
    assert report.added == len(films(database)) > TITLES * 0.9
    assert any(len(film.cast) > 2 for film in films(database).values())
    before = films(database)
    again = importing(database, folder, tmp_path).run()
    assert counts(again) == (0, 0, report.added)
    assert films(database) == before


def test_only_what_is_selected_is_stored(database: Database, folder: Path, tmp_path: Path) -> None:
    chosen = {"types": frozenset({"movie"}), "min_votes": 50, "since": 1980}
    report = importing(database, folder, tmp_path, **chosen).run()
    found = films(database).values()
    assert 0 < report.added == len(found) < TITLES / 2
    assert all(
        film.type == "movie" and (film.imdb_votes or 0) >= 50 and (film.year or 0) >= 1980
        for film in found
    )


@pytest.mark.parametrize("filled_max", [imdb_import.FILLED_MAX, 1])
def test_films_that_are_there_keep_what_imdb_does_not_know(
    database: Database,
    folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    filled_max: int,
) -> None:
    monkeypatch.setattr(imdb_import, "FILLED_MAX", filled_max)
    monkeypatch.setattr(imdb_import, "UPDATED_AT_ONCE", 1)
    importing(database, folder, tmp_path, min_votes=1_000).run()
    rated = next(film for film in films(database).values() if film.cast and film.genres)
    with database.unit_of_work() as uow:
        known = uow.movies.find_by_imdb_id(rated.imdb_id or "")
        assert known is not None
        stale = MovieFacts(title="Old", imdb_id=rated.imdb_id, plot="A plot.", awards="One.")
        uow.movies.update(known.id, stale)
        uow.movies.add(MovieFacts(title="Of somebody else"))
        uow.commit()
    report = importing(database, folder, tmp_path, min_votes=500).run()
    assert report.changed == 1
    assert report.added > 0
    now = films(database)[rated.imdb_id or ""]
    assert (now.title, now.cast, now.plot, now.awards) == (
        *(rated.title, rated.cast),
        *("A plot.", "One."),
    )


class StoppingImport(ImdbImport):
    """Is stopped when some films are stored."""

    def _keep(self, key: bytes, batch: FilmBatch) -> None:
        super()._keep(key, batch)
        if self.report.added > 1_500:
            raise DatabaseUnavailable("It is away.")


@pytest.mark.parametrize("filled_max", [imdb_import.FILLED_MAX, 0])
def test_an_import_that_was_stopped_goes_on(
    database: Database,
    folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    filled_max: int,
) -> None:
    monkeypatch.setattr(imdb_import, "LOADED_MIN", 500)
    monkeypatch.setattr(imdb_import, "FILLED_MAX", filled_max)
    with database.unit_of_work() as uow:
        uow.movies.add(MovieFacts(title="Of somebody else"))
        uow.commit()
    whole = importing(database, folder, tmp_path)
    stopping = StoppingImport(
        database, whole.files, whole.selection, tmp_path, whole.prepare, whole.advance
    )
    with pytest.raises(DatabaseUnavailable):
        stopping.run()
    stored = len(films(database))
    assert 1_500 < stored < TITLES * 0.9
    bulk_load = database.bulk_load
    loads: list[int] = []

    def noted_load() -> AbstractContextManager[BulkLoad]:
        loads.append(1)
        return bulk_load()

    monkeypatch.setattr(database, "bulk_load", noted_load)
    report = importing(database, folder, tmp_path).run()
    assert bool(loads) is (filled_max > 0)
    assert counts(report)[1:] == (0, 0)
    assert stored + report.added == len(films(database)) > TITLES * 0.9


def run(database: Database, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "data_fetcher", "import-imdb", *arguments],
        cwd=ROOT,
        env=environment(database),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def environment(database: Database) -> dict[str, str]:
    url = database.engines.writing.url
    shown = url.set(drivername=url.get_backend_name()).render_as_string(hide_password=False)
    return {**os.environ, "DATABASE_URL": shown, "COLUMNS": "200"}


def test_the_command_fills_every_database(any_database: Database, folder: Path) -> None:
    done = run(any_database, str(folder), "--types", "movie,series", "--min-votes", "100", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["added"] == len(films(any_database)) > 0
    again = run(any_database, str(folder), "--types", "movie", "--min-votes", "100", "--adult")
    assert "lines left out: 0." in again.stdout


def test_what_is_wrong_with_files_is_told_in_sentences(
    database: Database, folder: Path, tmp_path: Path
) -> None:
    done = run(database, str(tmp_path))
    assert (done.returncode, "Error: There is no title.basics" in done.stderr) == (2, True)
    done = run(database, str(folder), "--types", "films")
    assert (done.returncode, "name some of movie, series" in done.stderr) == (2, True)
    header = "tconst\ttitleType\tprimaryTitle\toriginalTitle\tisAdult\tstartYear\tendYear"
    lines = [f"{header}\truntimeMinutes\tgenres", "tt0000001\tmovie\tA\tA\t0\t1999\t\\N\t90\tDrama"]
    (tmp_path / "title.basics.tsv").write_text("\n".join([*lines, "tt0000002\tnonsense", ""]))
    done = run(database, str(tmp_path))
    assert done.returncode == 3
    assert "title.basics.tsv, line 3: " in done.stderr
    assert "title.ratings.tsv.gz is not there" in done.stderr
    assert "1 added, 0 changed, 0 unchanged; lines left out: 1." in done.stdout


def test_a_damaged_file_ends_it_with_a_sentence(
    database: Database, folder: Path, tmp_path: Path
) -> None:
    for file in folder.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    names = tmp_path / "name.basics.tsv.gz"
    names.write_bytes(names.read_bytes()[:-100])
    with pytest.raises(InvalidInput, match="damaged or cut short behind line"):
        importing(database, tmp_path, tmp_path).run()
    assert films(database) == {}


def test_an_import_whose_reading_is_killed_says_so(
    database: Database, folder: Path, tmp_path: Path
) -> None:
    def kill(_done: int, _total: int | None) -> None:
        for process in multiprocessing.active_children():
            process.kill()

    dying = importing(database, folder, tmp_path)
    dying.advance = kill
    with pytest.raises(MoviesError, match="was killed: there may be too little memory"):
        dying.run()
    importing(database, folder, tmp_path).run()
    assert len(films(database)) > TITLES * 0.9


def test_ctrl_c_within_a_load_ends_it_and_the_next_run_goes_on(
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
        while not (has_begun := Path(f"{path}-journal").exists()) and process.poll() is None:
            time.sleep(0.001)  # A load has no log, but a journal.
        os.killpg(process.pid, signal.SIGINT)  # As a terminal does.
        assert process.stderr is not None
        said = process.stderr.read()
    assert has_begun
    assert (process.returncode, said.splitlines()[-1]) == (130, "Stopped.")
    assert "Traceback" not in said
    with closing(database):
        assert films(database) == {}
        assert run(database, str(folder)).returncode == 0
        assert len(films(database)) > TITLES * 0.9


def test_films_of_imdb_are_served_as_all_others(
    database: Database, folder: Path, tmp_path: Path
) -> None:
    importing(database, folder, tmp_path, min_votes=1_000).run()
    imdb_id, facts = next(iter(films(database).items()))
    with database.unit_of_work(is_read_only=True) as uow:
        movie = uow.movies.find_by_imdb_id(imdb_id)
    assert movie is not None
    assert orjson.loads(movie.document)["title"] == facts.title
