"""Taking in what is in a folder: whole, in part, interrupted, and by several."""

import dataclasses
import gzip
import json
import os
import re
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from common.errors import BucketUnavailable, DatabaseUnavailable
from data_fetcher.ingest import object_ingester as ingesting_module
from data_fetcher.ingest import source_scan as look_module
from data_fetcher.ingest.ingested_object import FAULTS_MAX
from data_fetcher.ingest.object_cleanup import Clearing
from data_fetcher.ingest.object_ingester import Ingesting, Stopped
from data_fetcher.ingest.source_scan import Look
from data_fetcher.object_stores.folder import Folder
from data_fetcher.object_stores.port import Found
from data_layer.entities.ingest import Ingest, IngestQuery, IngestState
from data_layer.entities.movie import MovieFacts, StoredMovie
from data_layer.testing.fakes.movies import FakeMovieRepository
from data_layer.testing.fakes.unit_of_work import FakeDatabase, FakeUnitOfWork

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
        return {
            plain(str(path.relative_to(self.path))): path.read_bytes()
            for path in self.path.rglob("*")
            if path.is_file() and not path.name.endswith(".report.json")
        }

    def report(self, key: str) -> dict[str, object]:
        """The report beside an object that was put aside."""
        found = [
            path
            for path in self.path.rglob("*.report.json")
            if plain(str(path.relative_to(self.path))) == f"{key}.report.json"
        ]
        report: dict[str, object] = json.loads(found[0].read_bytes())
        return report

    @property
    def ingests(self) -> list[Ingest]:
        """What is known of objects, oldest first."""
        with self.database(is_read_only=True) as uow:
            return list(reversed(uow.ingests.list(IngestQuery())))


def plain(key: str) -> str:
    """A key without the digits that tell its version."""
    return re.sub(r"\.[0-9a-f]{8}(?=\.|$)", "", key)


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
    assert [error["line"] for error in errors] == [2, 4]  # type: ignore[attr-defined]  # JSON.


def test_where_too_much_is_wrong_all_of_it_is_put_aside(drop: Drop) -> None:
    drop.put("films.ndjson", {"title": "Alien"}, *[5] * (FAULTS_MAX + 1))
    drop.look().run()
    (ingest,) = drop.ingests
    assert (ingest.added, ingest.refused) == (1, FAULTS_MAX + 1)
    assert len(drop.left["rejected/films.ndjson"].splitlines()) == FAULTS_MAX + 2
    assert len(drop.report("rejected/films.ndjson")["errors"]) == FAULTS_MAX  # type: ignore[arg-type]  # JSON.


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
    rehearsed = drop.look().rehearse(lambda _one: None)
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
    assert look.rehearse(lambda _one: None).updates == {"added": 1, "refused": 0}
    assert told == [0]
    assert drop.titles == ["Brazil"]
    assert len(drop.left) == 2


def test_a_worker_that_has_to_end_ends_behind_a_transaction(drop: Drop) -> None:
    for number in range(5):
        drop.put(f"{number}.json", {"title": f"Film {number}"})
    ends = iter([False, False, True])
    look = dataclasses.replace(drop.look(batch_objects=2), has_to_end=lambda: next(ends, True))
    assert look.run().objects == {IngestState.APPLIED: 4}
    assert len(drop.left) == 3  # Two are cleared away by the next look.
    assert drop.look().run().objects == {IngestState.APPLIED: 1}
    assert drop.left == {}


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


def test_every_version_that_was_put_aside_is_kept(drop: Drop) -> None:
    for number in (1, 2):
        drop.put("films.json", {"title": number})
        drop.look().run()
    aside = sorted(path.read_bytes() for path in (drop.path / "rejected").glob("films.*.json"))
    assert [content for content in aside if b"errors" not in content] == [
        b'{"title": 1}\n',
        b'{"title": 2}\n',
    ]
    drop.write("a", b"nonsense")
    drop.look().run()
    drop.write("a/b", b"nonsense")
    drop.look().run()
    assert {"rejected/a", "rejected/a/b"} <= drop.left.keys()


def test_names_that_are_long_or_no_text_are_names_all_the_same(drop: Drop) -> None:
    long = "n" * 240 + ".json"
    drop.put(long, {"title": "Alien"})
    drop.put("m" * 250, {"title": 5})
    odd = os.fsdecode(b"\xff.json")
    drop.put(odd, {"title": "Brazil"}, 5)
    drop.look().run()
    assert sorted(drop.titles) == ["Alien", "Brazil"]
    assert sorted(key.rpartition("/")[0] for key in drop.left) == ["rejected", "rejected"]
    assert "\\xff.json" in [ingest.object_key for ingest in drop.ingests]


class SpoiltFolder(Folder):
    """Has files that can't be read, and others that can't be removed."""

    def read(self, found: Found) -> bytes | None:
        if found.key.startswith("unreadable"):
            raise BucketUnavailable("It can't be read.")
        return super().read(found)

    def remove(self, found: Found) -> None:
        if found.key.startswith("lasting"):
            raise BucketUnavailable("It can't be removed.")
        super().remove(found)


def test_an_object_that_can_not_be_read_or_removed_keeps_no_other_waiting(drop: Drop) -> None:
    drop.folder = SpoiltFolder(drop.path)
    drop.put("lasting.json", {"title": "Alien"})
    drop.put("unreadable.json", {"title": "Brazil"})
    drop.put("well.json", {"title": "Chinatown"})
    with pytest.raises(BucketUnavailable):
        drop.look().run()
    drop.put("later.json", {"title": "Dogma"})
    with pytest.raises(BucketUnavailable):
        drop.look().run()
    assert sorted(drop.titles) == ["Alien", "Chinatown", "Dogma"]
    assert sorted(drop.left) == ["lasting.json", "unreadable.json"]


def test_a_source_of_which_nothing_can_be_read_is_given_up_soon(
    drop: Drop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(look_module, "PROBLEMS_MAX", 2)
    drop.folder = SpoiltFolder(drop.path)
    for number in range(5):
        drop.put(f"unreadable-{number}.json", {"title": "Alien"})
    with pytest.raises(BucketUnavailable):
        drop.look(batch_objects=1).run()


def test_where_another_worker_was_faster_the_object_is_left_to_the_next_look(drop: Drop) -> None:
    drop.write("a.ndjson", b'{"title":"Alien"}\nnonsense\n')
    other = drop.ingesting

    class Overtaken(Folder):
        def read(self, found: Found) -> bytes | None:
            content = super().read(found)
            if not drop.ingests:
                other.apply([other.taken(found, content or b"")])
            return content

    drop.folder = Overtaken(drop.path)
    report = drop.look().run()
    assert report.objects == {}
    assert drop.left == {"rejected/a.ndjson": b"nonsense\n"}
    assert len(drop.ingests) == 1


def test_where_a_bound_was_lowered_meanwhile_all_of_the_object_is_put_aside(drop: Drop) -> None:
    drop.write("a.ndjson", b'{"title":"Alien"}\nnonsense\n')
    (found,) = drop.folder.list(9)
    drop.ingesting.apply([drop.ingesting.taken(found, (drop.path / "a.ndjson").read_bytes())])
    look = drop.look()
    lower = dataclasses.replace(look, clearing=Clearing(drop.folder, True, 10))
    (drop.path / "a.ndjson").touch()
    os.utime(drop.path / "a.ndjson", ns=(0, 0))
    packed = gzip.compress(b'{"title":"Alien"}\nnonsense\n')
    drop.write("b.ndjson.gz", packed)
    found = next(each for each in drop.folder.list(9) if each.key == "b.ndjson.gz")
    drop.ingesting.apply([drop.ingesting.taken(found, packed)])
    lower.run()
    assert drop.left["rejected/b.ndjson.gz"] == packed


def test_a_file_of_the_future_does_not_keep_later_updates_out(drop: Drop) -> None:
    drop.put("a.json", {"title": "Alien", "plot": "First."})
    os.utime(drop.path / "a.json", (4_000_000_000, 4_000_000_000))
    drop.look().run()
    drop.put("b.json", {"title": "Alien", "plot": "Second."})
    assert drop.look().run().updates["changed"] == 1


class ForgetfulDatabase(PickyDatabase):
    """Can't keep what became of objects, either."""

    def __call__(self, *, is_read_only: bool = False) -> FakeUnitOfWork:
        uow = super().__call__(is_read_only=is_read_only)

        def add_many(*_arguments: object) -> None:
            raise ZeroDivisionError

        uow.ingests.add_many = add_many  # type: ignore[assignment, method-assign]  # It fails.
        return uow


def test_where_not_even_the_record_can_be_kept_the_object_is_put_aside(
    drop: Drop, capsys: pytest.CaptureFixture[str]
) -> None:
    drop.database = ForgetfulDatabase()
    drop.put("a.json", {"title": "Alien"})
    drop.look().run()
    assert list(drop.left) == ["rejected/a.json"]
    assert "what became of an object could not be kept" in capsys.readouterr().out


class AbsentForRecords(PickyDatabase):
    """Goes away when the record of poison is to be kept."""

    def __init__(self) -> None:
        super().__init__()
        self.opened = 0

    def __call__(self, *, is_read_only: bool = False) -> FakeUnitOfWork:
        self.opened += not is_read_only
        if self.opened > 1:
            raise DatabaseUnavailable("It is away.")
        return super().__call__(is_read_only=is_read_only)


def test_while_the_record_can_not_be_kept_for_now_the_object_stays(drop: Drop) -> None:
    drop.database = AbsentForRecords()
    drop.put("a.json", {"title": "Poison"})
    with pytest.raises(DatabaseUnavailable):
        drop.look().run()
    assert list(drop.left) == ["a.json"]


def test_large_updates_are_written_a_few_at_a_time(
    drop: Drop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ingesting_module, "CHUNK_BYTES", 10)
    drop.put("a.ndjson", {"title": "Alien"}, {"title": "Brazil"}, {"title": "Alien", "year": None})
    assert drop.look().run().updates == {"added": 2, "unchanged": 1, "refused": 0}
