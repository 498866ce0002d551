"""Taking in what is in a folder: whole, in part, interrupted, and by several."""

import dataclasses
import gzip
import json
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from common.errors import DatabaseUnavailable
from data_fetcher.ingest import look as look_module
from data_fetcher.ingest.clearing import Clearing
from data_fetcher.ingest.ingesting import FAULTS_MAX, Ingesting, Stopped
from data_fetcher.ingest.look import Look
from data_fetcher.ingest.stores.folder import Folder
from data_fetcher.ingest.stores.store import Found
from data_layer.entities.ingest import Ingest, IngestQuery, IngestState
from data_layer.entities.movie import MovieFacts, StoredMovie
from data_layer.fake.movies import FakeMovieRepository
from data_layer.fake.unit_of_work import FakeDatabase, FakeUnitOfWork

MAX_BYTES = 100_000


class Drop:
    """A folder where films are dropped, and a catalogue in memory that takes them in."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.database = FakeDatabase()
        self.folder = Folder(path)
        self.is_stopping: Callable[[], bool] = lambda: False
        self.keeps_refused = True

    def put(self, key: str, *updates: object) -> None:
        """Drop updates, one on each line."""
        self.write(key, b"".join(json.dumps(update).encode() + b"\n" for update in updates))

    def write(self, key: str, content: bytes) -> None:
        path = self.path / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)

    @property
    def ingesting(self) -> Ingesting:
        return Ingesting(self.database, self.folder.name, MAX_BYTES, self.is_stopping)

    def look(self, batch_objects: int = 100) -> Look:
        clearing = Clearing(self.folder, self.keeps_refused, MAX_BYTES)
        return Look(self.folder, self.ingesting, clearing, batch_objects)

    @property
    def titles(self) -> list[str]:
        return [film.title for film in self.database.movies.values()]

    @property
    def left(self) -> dict[str, bytes]:
        """What is in the folder, but for reports."""
        files = (path for path in self.path.rglob("*") if path.is_file())
        return {
            str(path.relative_to(self.path)): path.read_bytes()
            for path in files
            if not path.name.endswith(".report.json")
        }

    def report(self, key: str) -> dict[str, object]:
        report: dict[str, object] = json.loads((self.path / f"{key}.report.json").read_bytes())
        return report

    @property
    def ingests(self) -> list[Ingest]:
        """What is known of objects, oldest first."""
        with self.database(is_read_only=True) as uow:
            return list(reversed(uow.ingests.list(IngestQuery())))


@pytest.fixture
def drop(tmp_path: Path) -> Drop:
    return Drop(tmp_path)


def test_what_is_there_is_taken_in_and_goes(drop: Drop) -> None:
    drop.put("a.json", {"title": "Alien", "year": 1979})
    drop.put("deep/b.ndjson", {"title": "Brazil"}, {"title": "Brazil", "plot": "Forms."})
    drop.write("c.json.gz", gzip.compress(b'[{"title": "Chinatown"}]'))
    report = drop.look().run()
    assert report.objects == {IngestState.APPLIED: 3}
    assert report.updates == {"added": 3, "changed": 1, "refused": 0}
    assert sorted(drop.titles) == ["Alien", "Brazil", "Chinatown"]
    assert drop.left == {}
    deep = next(each for each in drop.ingests if each.object_key == "deep/b.ndjson")
    assert (deep.added, deep.changed, deep.source) == (1, 1, f"dir:{drop.path}")
    assert drop.look().run().objects == {}


def test_what_can_not_be_used_is_put_aside_with_a_report(drop: Drop) -> None:
    drop.write("bad.json", b'{"title":')
    drop.put("wrong.json", {"title": "Alien", "year": "1979"})
    report = drop.look().run()
    assert report.objects == {IngestState.REJECTED: 2}
    assert drop.left == {
        "rejected/bad.json": b'{"title":',
        "rejected/wrong.json": b'{"title": "Alien", "year": "1979"}\n',
    }
    assert drop.report("rejected/wrong.json") == {
        "object": "wrong.json",
        "refused": 1,
        "errors": [{"line": 1, "field": "year", "message": "Input should be a valid integer."}],
    }
    assert drop.titles == []
    assert drop.look().run().objects == {}


def test_of_an_object_that_is_partly_wrong_only_that_part_is_put_aside(drop: Drop) -> None:
    lines = b'{"title":"Alien"}\nnonsense\n{"title":"Brazil"}\n{"imdb_id":"tt0000001"}\n'
    drop.write("films.ndjson.gz", gzip.compress(lines))
    drop.put("list.json", [{"title": "Jaws"}, 5])
    report = drop.look().run()
    assert report.objects == {IngestState.PARTLY: 2}
    assert sorted(drop.titles) == ["Alien", "Brazil", "Jaws"]
    assert drop.left == {
        "rejected/films.ndjson": b'nonsense\n{"imdb_id":"tt0000001"}\n',
        "rejected/list.json": b"5\n",
    }
    errors = drop.report("rejected/films.ndjson")["errors"]
    assert [error["line"] for error in errors] == [2, 4]  # type: ignore[attr-defined]


def test_where_too_much_is_wrong_all_of_it_is_put_aside(drop: Drop) -> None:
    drop.put("films.ndjson", {"title": "Alien"}, *[5] * (FAULTS_MAX + 1))
    drop.look().run()
    (ingest,) = drop.ingests
    assert (ingest.added, ingest.refused) == (1, FAULTS_MAX + 1)
    assert len(drop.left["rejected/films.ndjson"].splitlines()) == FAULTS_MAX + 2
    assert len(drop.report("rejected/films.ndjson")["errors"]) == FAULTS_MAX  # type: ignore[arg-type]


def test_what_can_not_be_used_is_deleted_where_the_operator_wants_it(drop: Drop) -> None:
    drop.keeps_refused = False
    drop.write("bad.json", b"nonsense")
    drop.look().run()
    assert drop.left == {}
    assert [ingest.state for ingest in drop.ingests] == [IngestState.REJECTED]


def test_what_is_too_large_is_not_read(drop: Drop) -> None:
    drop.write("large.json", b" " * (MAX_BYTES + 1))
    drop.look().run()
    assert list(drop.left) == ["rejected/large.json"]
    errors = drop.report("rejected/large.json")["errors"]
    assert errors == [
        {"line": None, "field": "", "message": "It has more than 100000 bytes: split it."}
    ]


def test_a_worker_that_died_before_it_could_clear_away_leaves_that_to_the_next(
    drop: Drop,
) -> None:
    drop.put("a.json", {"title": "Alien"})
    drop.write("b.ndjson", b'{"title":"Brazil"}\nnonsense\n')
    drop.write("c.json", b"nonsense")
    found = drop.folder.list(10)
    drop.ingesting.apply(
        [drop.ingesting.taken(each, drop.folder.read(each) or b"") for each in found]
    )
    revision = drop.database.revision
    assert len(drop.left) == 3
    report = drop.look().run()
    assert report.objects == {}
    assert drop.database.revision == revision
    assert drop.left == {"rejected/b.ndjson": b"nonsense\n", "rejected/c.json": b"nonsense"}


class ChangingFolder(Folder):
    """Somebody writes an object anew as soon as it was read."""

    def __init__(self, path: Path, *contents: bytes) -> None:
        super().__init__(path)
        self.contents = list(contents)

    def read(self, found: Found) -> bytes | None:
        content = super().read(found)
        if self.contents:
            (self._path / found.key).write_bytes(self.contents.pop(0))
        return content


def test_an_object_that_is_replaced_meanwhile_is_read_again(drop: Drop) -> None:
    drop.folder = ChangingFolder(drop.path, b'{"title":"Alien","plot":"A ship."}')
    drop.put("a.json", {"title": "Alien"})
    assert drop.look().run().updates == {"added": 1, "changed": 1, "refused": 0}
    assert [film.plot for film in drop.database.movies.values()] == ["A ship."]
    assert drop.left == {}


def test_an_object_that_is_being_written_is_not_put_aside(drop: Drop) -> None:
    drop.folder = ChangingFolder(drop.path, b'{"title":"Alien"}')
    drop.write("a.json", b'{"title":')
    report = drop.look().run()
    assert report.objects == {IngestState.REJECTED: 1, IngestState.APPLIED: 1}
    assert (drop.titles, drop.left) == (["Alien"], {})


class VanishingFolder(Folder):
    """Whatever is there is gone when it is to be read."""

    def read(self, _found: Found) -> bytes | None:
        return None


def test_what_is_gone_when_it_is_to_be_read_is_left_alone(drop: Drop) -> None:
    drop.folder = VanishingFolder(drop.path)
    drop.put("a.json", {"title": "Alien"})
    assert drop.look().run().objects == {}
    drop.write("b.ndjson", b'{"title":"Brazil"}\nnonsense\n')
    found = [each for each in drop.folder.list(10) if each.key == "b.ndjson"]
    drop.ingesting.apply([drop.ingesting.taken(found[0], (drop.path / "b.ndjson").read_bytes())])
    assert drop.look().run().objects == {}


def test_two_workers_take_an_object_in_once(drop: Drop) -> None:
    drop.put("a.json", {"title": "Alien"})
    drop.put("b.json", {"title": "Brazil"})
    first, second = drop.folder.list(10)
    drop.ingesting.apply([drop.ingesting.taken(first, b'{"title":"Alien"}')])
    slow = [
        drop.ingesting.taken(first, b'{"title":"Alien"}'),
        drop.ingesting.taken(second, b'{"title":"Brazil"}'),
    ]
    drop.ingesting.apply(slow)
    assert [one.counts.total() for one in slow] == [0, 1]
    assert drop.titles == ["Alien", "Brazil"]
    assert len(drop.ingests) == 2


class PickyMovies(FakeMovieRepository):
    """Has a fault that nobody has thought of."""

    def add_many(self, films: Sequence[MovieFacts]) -> tuple[StoredMovie, ...]:
        if any(facts.title == "Poison" for facts in films):
            raise ZeroDivisionError
        return super().add_many(films)


class PickyDatabase(FakeDatabase):
    """Opens units of work with such films."""

    def __call__(self, *, is_read_only: bool = False) -> FakeUnitOfWork:
        uow = super().__call__(is_read_only=is_read_only)
        uow.movies = PickyMovies(dict(self.movies), self.last_movie_id, self.revision)
        return uow


def test_poison_keeps_nothing_else_from_being_taken_in(
    drop: Drop, capsys: pytest.CaptureFixture[str]
) -> None:
    drop.database = PickyDatabase()
    for title in ("Alien", "Poison", "Brazil"):
        drop.put(f"{title}.json", {"title": title})
    rehearsed = drop.look().rehearse()
    assert rehearsed.objects == {IngestState.APPLIED: 2, IngestState.REJECTED: 1}
    report = drop.look().run()
    assert report.objects == rehearsed.objects
    assert drop.titles == ["Alien", "Brazil"]
    assert list(drop.left) == ["rejected/Poison.json"]
    assert "an object could not be stored" in capsys.readouterr().out


def test_a_rehearsal_changes_nothing(drop: Drop) -> None:
    drop.put("a.json", {"title": "Alien"})
    drop.put("known.json", {"title": "Brazil"})
    known = next(each for each in drop.folder.list(9) if each.key == "known.json")
    drop.ingesting.apply([drop.ingesting.taken(known, b'{"title":"Brazil"}')])
    told: list[int] = []
    look = dataclasses.replace(drop.look(), on_progress=lambda _report, left: told.append(left))
    assert look.rehearse().updates == {"added": 1, "refused": 0}
    assert told == [0]
    assert drop.titles == ["Brazil"]
    assert len(drop.left) == 2


def test_a_worker_that_has_to_end_ends_behind_a_transaction(drop: Drop) -> None:
    for number in range(5):
        drop.put(f"{number}.json", {"title": f"Film {number}"})
    ends = iter([False, False, True])
    look = dataclasses.replace(drop.look(batch_objects=2), has_to_end=lambda: next(ends, True))
    assert look.run().objects == {IngestState.APPLIED: 4}
    assert len(drop.left) == 1


def test_a_transaction_that_takes_too_long_to_end_is_given_up(drop: Drop) -> None:
    drop.put("a.json", {"title": "Alien"})
    drop.is_stopping = lambda: True
    with pytest.raises(Stopped):
        drop.look().run()
    assert (drop.titles, drop.ingests, len(drop.left)) == ([], [], 1)


class AbsentDatabase(FakeDatabase):
    """Is away as soon as something is to be written."""

    def __call__(self, *, is_read_only: bool = False) -> FakeUnitOfWork:
        if not is_read_only:
            raise DatabaseUnavailable("It is away.")
        return super().__call__(is_read_only=is_read_only)


def test_while_the_database_is_away_everything_stays(drop: Drop) -> None:
    drop.database = AbsentDatabase()
    drop.put("a.json", {"title": "Alien"})
    with pytest.raises(DatabaseUnavailable):
        drop.look().run()
    assert list(drop.left) == ["a.json"]


def test_objects_that_are_large_together_have_transactions_of_their_own(
    drop: Drop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(look_module, "BATCH_BYTES", 40)
    for number in range(3):
        drop.put(f"{number}.json", {"title": f"Film {number}"})
    told: list[int] = []
    look = dataclasses.replace(drop.look(), on_progress=lambda _report, left: told.append(left))
    look.run()
    assert told == [1, 0]
