"""Scan of a folder: complete, partial, interrupted, and by several workers."""

import copy
import dataclasses
import datetime as dt
import gzip
import json
import os
import re
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from common.errors import (
    BucketThrottled,
    BucketUnavailable,
    DatabaseLimitExceeded,
    DatabaseUnavailable,
)
from data_fetcher.ingest import object_ingester, source_scan
from data_fetcher.ingest.ingested_object import ERRORS_MAX, IngestedObject
from data_fetcher.ingest.object_cleanup import ObjectCleanup
from data_fetcher.ingest.object_ingester import IngestInterrupted, ObjectIngester
from data_fetcher.ingest.source_scan import SourceScan
from data_fetcher.object_stores.folder import Folder
from data_fetcher.object_stores.port import ObjectVersion
from data_layer.entities.audit_entry import AuditQuery
from data_layer.entities.ingest import Ingest, IngestQuery, IngestState
from data_layer.entities.movie import MovieFacts, StoredMovie
from data_layer.testing.fakes.movies import FakeMovieRepository
from data_layer.testing.fakes.unit_of_work import FakeDatabase, FakeUnitOfWork

MAX_BYTES = 100_000


class Drop:
    """Folder for updates, with an in-memory catalogue."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.database = FakeDatabase()
        self.folder = Folder(path)
        self.is_stopping: Callable[[], bool] = lambda: False
        self.keeps_rejected = True

    def put(self, key: str, *updates: object) -> None:
        """Write an object with one update per line."""
        self.write(key, b"".join(json.dumps(update).encode() + b"\n" for update in updates))

    def write(self, key: str, content: bytes) -> None:
        path = self.path / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)

    @property
    def ingester(self) -> ObjectIngester:
        return ObjectIngester(self.database, self.folder.name, MAX_BYTES, self.is_stopping)

    def scan(self, batch_objects: int = 100) -> SourceScan:
        cleanup = ObjectCleanup(self.folder, self.keeps_rejected, MAX_BYTES)
        return SourceScan(self.folder, self.ingester, cleanup, batch_objects)

    @property
    def titles(self) -> list[str]:
        return [movie.title for movie in self.database.movies.values()]

    @property
    def remaining_files(self) -> dict[str, bytes]:
        """Files in the folder without reports, by their key without version."""
        return {
            plain(str(path.relative_to(self.path))): path.read_bytes()
            for path in self.path.rglob("*")
            if path.is_file() and not path.name.endswith(".report.json")
        }

    def report(self, key: str) -> dict[str, object]:
        """Return the report of a quarantined object."""
        found = [
            path
            for path in self.path.rglob("*.report.json")
            if plain(str(path.relative_to(self.path))) == f"{key}.report.json"
        ]
        report: dict[str, object] = json.loads(found[0].read_bytes())
        return report

    @property
    def ingests(self) -> list[Ingest]:
        """Ingest records, oldest first."""
        with self.database(is_read_only=True) as uow:
            return list(reversed(uow.ingests.list(IngestQuery())))


def plain(key: str) -> str:
    """Return a key without the digits of its version."""
    return re.sub(r"\.[0-9a-f]{8}(?=\.|$)", "", key)


@pytest.fixture
def drop(tmp_path: Path) -> Drop:
    return Drop(tmp_path)


def test_ingests_all_objects_and_deletes_them(drop: Drop) -> None:
    drop.put("a.json", {"title": "Alien", "year": 1979})
    drop.put("deep/b.ndjson", {"title": "Brazil"}, {"title": "Brazil", "plot": "Forms."})
    drop.write("c.json.gz", gzip.compress(b'[{"title": "Chinatown"}]'))
    report = drop.scan().run()
    assert report.objects == {IngestState.APPLIED: 3}
    assert report.updates == {"added": 3, "changed": 1, "rejected": 0}
    assert sorted(drop.titles) == ["Alien", "Brazil", "Chinatown"]
    assert drop.remaining_files == {}
    deep = next(each for each in drop.ingests if each.object_key == "deep/b.ndjson")
    assert (deep.added, deep.changed, deep.source) == (1, 1, f"dir:{drop.path}")
    assert drop.scan().run().objects == {}


def test_audits_each_ingested_object_once(drop: Drop) -> None:
    drop.put("a.json", {"title": "Alien", "year": 1979})
    drop.write("bad.json", b'{"title":')
    drop.scan().run()
    drop.scan().run()
    with drop.database(is_read_only=True) as uow:
        entries = uow.audit.list(AuditQuery())
    found = {(entry.action, entry.subject, entry.caller) for entry in entries}
    assert len(entries) == 2
    assert found == {
        (f"ingest.{ingest.state}", f"/ingests/{ingest.id}", "ingestion") for ingest in drop.ingests
    }


def test_quarantines_a_rejected_object_with_a_report(drop: Drop) -> None:
    drop.write("bad.json", b'{"title":')
    drop.put("wrong.json", {"title": "Alien", "year": "1979"})
    report = drop.scan().run()
    assert report.objects == {IngestState.REJECTED: 2}
    assert drop.remaining_files == {
        "rejected/bad.json": b'{"title":',
        "rejected/wrong.json": b'{"title": "Alien", "year": "1979"}\n',
    }
    assert drop.report("rejected/wrong.json") == {
        "object": "wrong.json",
        "rejected": 1,
        "errors": [{"line": 1, "field": "year", "message": "Input should be a valid integer."}],
    }
    assert drop.titles == []
    assert drop.scan().run().objects == {}


def test_quarantines_only_the_rejected_lines_of_an_object(drop: Drop) -> None:
    lines = b'{"title":"Alien"}\nnonsense\n{"title":"Brazil"}\n{"imdb_id":"tt0000001"}\n'
    drop.write("movies.ndjson.gz", gzip.compress(lines))
    drop.put("list.json", [{"title": "Jaws"}, 5])
    report = drop.scan().run()
    assert report.objects == {IngestState.PARTIAL: 2}
    assert sorted(drop.titles) == ["Alien", "Brazil", "Jaws"]
    assert drop.remaining_files == {
        "rejected/movies.ndjson": b'nonsense\n{"imdb_id":"tt0000001"}\n',
        "rejected/list.json": b"5\n",
    }
    errors = drop.report("rejected/movies.ndjson")["errors"]
    assert [error["line"] for error in errors] == [2, 4]  # type: ignore[attr-defined]  # JSON.


def test_quarantines_the_whole_object_if_it_has_too_many_errors(drop: Drop) -> None:
    drop.put("movies.ndjson", {"title": "Alien"}, *[5] * (ERRORS_MAX + 1))
    drop.scan().run()
    (ingest,) = drop.ingests
    assert (ingest.added, ingest.rejected) == (1, ERRORS_MAX + 1)
    assert len(drop.remaining_files["rejected/movies.ndjson"].splitlines()) == ERRORS_MAX + 2
    assert len(drop.report("rejected/movies.ndjson")["errors"]) == ERRORS_MAX  # type: ignore[arg-type]  # JSON.


def test_deletes_rejected_objects_if_configured(drop: Drop) -> None:
    drop.keeps_rejected = False
    drop.write("bad.json", b"nonsense")
    drop.scan().run()
    assert drop.remaining_files == {}
    assert [ingest.state for ingest in drop.ingests] == [IngestState.REJECTED]


def test_does_not_read_an_object_that_is_too_large(drop: Drop) -> None:
    drop.write("large.json", b" " * (MAX_BYTES + 1))
    drop.scan().run()
    assert list(drop.remaining_files) == ["rejected/large.json"]
    errors = drop.report("rejected/large.json")["errors"]
    assert errors == [
        {"line": None, "field": "", "message": "Larger than 100000 bytes: split the object."}
    ]


def test_cleans_up_after_a_worker_that_died_after_its_commit(
    drop: Drop,
) -> None:
    drop.put("a.json", {"title": "Alien"})
    drop.write("b.ndjson", b'{"title":"Brazil"}\nnonsense\n')
    drop.write("c.json", b"nonsense")
    found = drop.folder.list(10)
    drop.ingester.apply(
        [drop.ingester.new_object(each, drop.folder.read(each) or b"") for each in found]
    )
    revision = drop.database.movies.revision
    assert len(drop.remaining_files) == 3
    report = drop.scan().run()
    assert report.objects == {}
    assert drop.database.movies.revision == revision
    assert drop.remaining_files == {
        "rejected/b.ndjson": b"nonsense\n",
        "rejected/c.json": b"nonsense",
    }


class ChangingFolder(Folder):
    """Folder whose objects are replaced as soon as they are read."""

    def __init__(self, path: Path, *contents: bytes) -> None:
        super().__init__(path)
        self.contents = list(contents)

    def read(self, found: ObjectVersion) -> bytes | None:
        content = super().read(found)
        if self.contents:
            (self._path / found.key).write_bytes(self.contents.pop(0))
        return content


def test_ingests_an_object_again_that_was_replaced_meanwhile(drop: Drop) -> None:
    drop.folder = ChangingFolder(drop.path, b'{"title":"Alien","plot":"A ship."}')
    drop.put("a.json", {"title": "Alien"})
    assert drop.scan().run().updates == {"added": 1, "changed": 1, "rejected": 0}
    assert [movie.plot for movie in drop.database.movies.values()] == ["A ship."]
    assert drop.remaining_files == {}


def test_does_not_quarantine_an_object_that_is_being_written(drop: Drop) -> None:
    drop.folder = ChangingFolder(drop.path, b'{"title":"Alien"}')
    drop.write("a.json", b'{"title":')
    report = drop.scan().run()
    assert report.objects == {IngestState.REJECTED: 1, IngestState.APPLIED: 1}
    assert (drop.titles, drop.remaining_files) == (["Alien"], {})


class VanishingFolder(Folder):
    """Folder whose objects vanish before they are read."""

    def read(self, _found: ObjectVersion) -> bytes | None:
        return None


def test_ignores_objects_that_vanish_before_they_are_read(drop: Drop) -> None:
    drop.folder = VanishingFolder(drop.path)
    drop.put("a.json", {"title": "Alien"})
    assert drop.scan().run().objects == {}
    drop.write("b.ndjson", b'{"title":"Brazil"}\nnonsense\n')
    found = [each for each in drop.folder.list(10) if each.key == "b.ndjson"]
    drop.ingester.apply([drop.ingester.new_object(found[0], (drop.path / "b.ndjson").read_bytes())])
    assert drop.scan().run().objects == {}


def test_two_workers_apply_an_object_once(drop: Drop) -> None:
    drop.put("a.json", {"title": "Alien"})
    drop.put("b.json", {"title": "Brazil"})
    first, second = drop.folder.list(10)
    drop.ingester.apply([drop.ingester.new_object(first, b'{"title":"Alien"}')])
    late = [
        drop.ingester.new_object(first, b'{"title":"Alien"}'),
        drop.ingester.new_object(second, b'{"title":"Brazil"}'),
    ]
    drop.ingester.apply(late)
    assert [ingested.counts.total() for ingested in late] == [0, 1]
    assert drop.titles == ["Alien", "Brazil"]
    assert len(drop.ingests) == 2


def test_reads_objects_before_the_transaction_begins(
    drop: Drop, monkeypatch: pytest.MonkeyPatch
) -> None:
    events: list[str] = []

    class RecordingDatabase(FakeDatabase):
        def __call__(self, *, is_read_only: bool = False) -> FakeUnitOfWork:
            if not is_read_only:
                events.append("begin")
            return super().__call__(is_read_only=is_read_only)

    def recording(name: str) -> None:
        function = getattr(object_ingester, name)

        def call(*arguments: object) -> object:
            events.append(name)
            return function(*arguments)

        monkeypatch.setattr(object_ingester, name, call)

    drop.database = RecordingDatabase()
    recording("decompress")
    recording("parse_update")
    drop.put("a.json", {"title": "Alien"})
    drop.put("b.json", {"title": "Brazil"})
    drop.scan().run()
    assert events == ["decompress", "decompress", "parse_update", "parse_update", "begin"]


def test_a_transaction_has_a_maximum_of_decompressed_bytes(
    drop: Drop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(object_ingester, "TRANSACTION_BYTES", 50_000)
    for number in range(3):
        text = json.dumps({"title": f"Movie {number}"}).encode() + b" " * 20_000
        drop.write(f"{number}.json", gzip.compress(text))
    drop.write("3.json", gzip.compress(b"{}" + b" " * MAX_BYTES))
    transactions = 0

    class CountingDatabase(FakeDatabase):
        def __call__(self, *, is_read_only: bool = False) -> FakeUnitOfWork:
            nonlocal transactions
            transactions += not is_read_only
            return super().__call__(is_read_only=is_read_only)

    drop.database = CountingDatabase()
    report = drop.scan().run()
    assert report.objects == {IngestState.APPLIED: 3, IngestState.REJECTED: 1}
    assert transactions == 2


class FaultyMovies(FakeMovieRepository):
    """Repository that does not store two movies: a bug, and a movie that is too large."""

    def add_many(self, movies: Sequence[MovieFacts]) -> tuple[StoredMovie, ...]:
        if any(facts.title == "Large" for facts in movies):
            raise DatabaseLimitExceeded("The values are too large.")
        if any(facts.title == "Poison" for facts in movies):
            raise ZeroDivisionError
        return super().add_many(movies)


class FaultyDatabase(FakeDatabase):
    """Database with the faulty repository."""

    def __call__(self, *, is_read_only: bool = False) -> FakeUnitOfWork:
        uow = super().__call__(is_read_only=is_read_only)
        movies = FaultyMovies()
        movies.rows = copy.copy(self.movies)
        uow.movies = movies
        return uow


def test_an_object_that_triggers_a_bug_does_not_block_others(
    drop: Drop, capsys: pytest.CaptureFixture[str]
) -> None:
    drop.database = FaultyDatabase()
    for title in ("Alien", "Poison", "Brazil"):
        drop.put(f"{title}.json", {"title": title})
    dry_run = drop.scan().dry_run(lambda _ingested: None)
    assert dry_run.objects == {IngestState.APPLIED: 2, IngestState.REJECTED: 1}
    report = drop.scan().run()
    assert report.objects == dry_run.objects
    assert drop.titles == ["Alien", "Brazil"]
    assert list(drop.remaining_files) == ["rejected/Poison.json"]
    assert "object_store_failed" in capsys.readouterr().out


def test_an_object_that_is_too_large_is_rejected_with_the_reason(
    drop: Drop, capsys: pytest.CaptureFixture[str]
) -> None:
    drop.database = FaultyDatabase()
    drop.put("Large.json", {"title": "Large"})
    reasons: list[str] = []
    drop.scan().dry_run(lambda each: reasons.extend(error.message for error in each.errors))
    assert reasons == ["The values are too large."]
    assert "object_store_failed" not in capsys.readouterr().out


def test_a_dry_run_changes_nothing(drop: Drop) -> None:
    drop.put("a.json", {"title": "Alien"})
    drop.put("existing.json", {"title": "Brazil"})
    existing = next(each for each in drop.folder.list(9) if each.key == "existing.json")
    drop.ingester.apply([drop.ingester.new_object(existing, drop.folder.read(existing))])
    remaining: list[int] = []
    scan = dataclasses.replace(
        drop.scan(), on_progress=lambda _report, pending: remaining.append(pending)
    )
    assert scan.dry_run(lambda _ingested: None).updates == {"added": 1, "rejected": 0}
    assert remaining == [0]
    assert drop.titles == ["Brazil"]
    assert len(drop.remaining_files) == 2


def test_stops_after_the_current_transaction(drop: Drop) -> None:
    for number in range(5):
        drop.put(f"{number}.json", {"title": f"Movie {number}"})
    ends = iter([False, False, True])
    scan = dataclasses.replace(drop.scan(batch_objects=2), is_stopping=lambda: next(ends, True))
    assert scan.run().objects == {IngestState.APPLIED: 4}
    assert len(drop.remaining_files) == 3  # The next scan cleans up two of them.
    assert drop.scan().run().objects == {IngestState.APPLIED: 1}
    assert drop.remaining_files == {}


def test_aborts_a_transaction_after_the_deadline(drop: Drop) -> None:
    drop.put("a.json", {"title": "Alien"})
    drop.is_stopping = lambda: True
    with pytest.raises(IngestInterrupted):
        drop.scan().run()
    assert (drop.titles, drop.ingests, len(drop.remaining_files)) == ([], [], 1)


class UnavailableDatabase(FakeDatabase):
    """Database that is unavailable for writes."""

    def __call__(self, *, is_read_only: bool = False) -> FakeUnitOfWork:
        if not is_read_only:
            raise DatabaseUnavailable("Database unavailable.")
        return super().__call__(is_read_only=is_read_only)


def test_keeps_all_objects_while_the_database_is_unavailable(drop: Drop) -> None:
    drop.database = UnavailableDatabase()
    drop.put("a.json", {"title": "Alien"})
    with pytest.raises(DatabaseUnavailable):
        drop.scan().run()
    assert list(drop.remaining_files) == ["a.json"]


def test_splits_batches_by_size(drop: Drop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source_scan, "BATCH_BYTES", 42)
    for number in range(3):
        drop.put(f"{number}.json", {"title": f"Movie {number}"})
    remaining: list[int] = []
    scan = dataclasses.replace(
        drop.scan(), on_progress=lambda _report, pending: remaining.append(pending)
    )
    scan.run()
    assert remaining == [1, 0]


def test_keeps_every_quarantined_version(drop: Drop) -> None:
    for number in (1, 2):
        drop.put("movies.json", {"title": number})
        drop.scan().run()
    quarantined = sorted(
        path.read_bytes() for path in (drop.path / "rejected").glob("movies.*.json")
    )
    assert [content for content in quarantined if b"errors" not in content] == [
        b'{"title": 1}\n',
        b'{"title": 2}\n',
    ]
    drop.write("a", b"nonsense")
    drop.scan().run()
    drop.write("a/b", b"nonsense")
    drop.scan().run()
    assert {"rejected/a", "rejected/a/b"} <= drop.remaining_files.keys()


def test_accepts_keys_that_are_long_or_not_utf_8(drop: Drop) -> None:
    long = "n" * 240 + ".json"
    drop.put(long, {"title": "Alien"})
    drop.put("m" * 250, {"title": 5})
    odd = os.fsdecode(b"\xff.json")
    drop.put(odd, {"title": "Brazil"}, 5)
    drop.scan().run()
    assert sorted(drop.titles) == ["Alien", "Brazil"]
    assert sorted(key.rpartition("/")[0] for key in drop.remaining_files) == [
        "rejected",
        "rejected",
    ]
    assert "\\xff.json" in [ingest.object_key for ingest in drop.ingests]


class FaultyFolder(Folder):
    """Folder with files that cannot be read, and others that cannot be deleted."""

    def read(self, found: ObjectVersion) -> bytes | None:
        if found.key.startswith("unreadable"):
            raise BucketUnavailable("Read failed.")
        return super().read(found)

    def delete_if_unchanged(self, found: ObjectVersion, sha256: bytes | None = None) -> None:
        if found.key.startswith("undeletable"):
            raise BucketUnavailable("Delete failed.")
        super().delete_if_unchanged(found, sha256)


def test_an_object_that_fails_does_not_block_others(drop: Drop) -> None:
    drop.folder = FaultyFolder(drop.path)
    drop.put("undeletable.json", {"title": "Alien"})
    drop.put("unreadable.json", {"title": "Brazil"})
    drop.put("readable.json", {"title": "Chinatown"})
    with pytest.raises(BucketUnavailable):
        drop.scan().run()
    drop.put("later.json", {"title": "Dogma"})
    with pytest.raises(BucketUnavailable):
        drop.scan().run()
    assert sorted(drop.titles) == ["Alien", "Chinatown", "Dogma"]
    assert sorted(drop.remaining_files) == ["undeletable.json", "unreadable.json"]


class ThrottledFolder(Folder):
    """Folder that refuses the first reads, and three after each other one."""

    def __init__(self, path: Path, refusals: int) -> None:
        super().__init__(path)
        self.refusals = refusals

    def read(self, found: ObjectVersion) -> bytes | None:
        if self.refusals:
            self.refusals -= 1
            raise BucketThrottled("Slow down.")
        self.refusals = 3
        return super().read(found)


def test_waits_for_a_bucket_that_limits_requests(drop: Drop) -> None:
    pauses: list[float] = []
    drop.folder = ThrottledFolder(drop.path, refusals=4)
    for number in range(8):
        drop.put(f"{number}.json", {"title": f"Movie {number}"})
    scan = dataclasses.replace(drop.scan(batch_objects=1), pause=pauses.append)
    assert scan.run().updates["added"] == 8
    assert drop.remaining_files == {}
    assert len(pauses) > len(source_scan.THROTTLED_PAUSES_SECONDS)  # Progress begins them anew.


def test_stops_waiting_for_a_bucket_that_limits_all_requests(drop: Drop) -> None:
    pauses: list[float] = []
    drop.folder = ThrottledFolder(drop.path, refusals=1_000)
    drop.put("unreadable.json", {"title": "Alien"})
    scan = dataclasses.replace(drop.scan(), pause=pauses.append)
    with pytest.raises(BucketThrottled):
        scan.run()
    limits = source_scan.THROTTLED_PAUSES_SECONDS
    for pause, limit in zip(pauses, limits, strict=True):
        assert limit / 2 <= pause <= limit


def test_a_stopped_scan_does_not_wait_for_the_bucket(drop: Drop) -> None:
    folder = drop.folder = ThrottledFolder(drop.path, refusals=1_000)
    drop.put("a.json", {"title": "Alien"})
    scan = dataclasses.replace(
        drop.scan(),
        pause=lambda _seconds: pytest.fail("It waited."),
        is_stopping=lambda: folder.refusals < 1_000,
    )
    with pytest.raises(BucketThrottled):
        scan.run()


def test_reports_unsupported_keys_and_ingests_the_others(drop: Drop) -> None:
    class OddFolder(Folder):
        def list(self, limit: int) -> list[ObjectVersion]:
            listed = super().list(limit)
            odd = [f"{number}\x01\x1b é{'x' * 300}" for number in range(20)]
            return listed + [
                ObjectVersion(key, "", 1, dt.datetime.now(dt.UTC), is_supported=False)
                for key in odd
            ]

    drop.folder = OddFolder(drop.path)
    drop.put("a.json", {"title": "Alien"})
    dry = drop.scan().dry_run(lambda _ingested: None)
    report = drop.scan().run()
    assert drop.titles == ["Alien"]
    assert dry.warning == report.warning
    assert report.warning is not None
    assert "unread or undeleted: 20." in report.warning
    assert "0\\x01\\x1b éx" in report.warning
    assert report.warning.count("…") == 10
    drop.folder = Folder(drop.path)
    assert drop.scan().run().warning is None


def test_reports_objects_that_are_neither_read_nor_deleted(drop: Drop) -> None:
    class HalfFolder(Folder):
        """Folder with an object that is not found, and one whose version never matches."""

        def read(self, found: ObjectVersion) -> bytes | None:
            return None if found.key.startswith("unread") else super().read(found)

        def delete_if_unchanged(self, found: ObjectVersion, sha256: bytes | None = None) -> None:
            if found.key != "undeleted.json":
                super().delete_if_unchanged(found, sha256)

    drop.folder = HalfFolder(drop.path)
    drop.put("unread.json", {"title": "Alien"})
    drop.write("unread-folder", b"")
    drop.put("undeleted.json", {"title": "Brazil"})
    drop.put("other.json", {"title": "Chinatown"})
    report = drop.scan().run()
    assert sorted(drop.titles) == ["Brazil", "Chinatown"]
    assert sorted(report.remaining_keys) == ["undeleted.json", "unread.json"]


def test_aborts_after_too_many_failed_objects(drop: Drop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source_scan, "OBJECT_ERRORS_MAX", 2)
    drop.folder = FaultyFolder(drop.path)
    for number in range(5):
        drop.put(f"unreadable-{number}.json", {"title": "Alien"})
    with pytest.raises(BucketUnavailable):
        drop.scan(batch_objects=1).run()


def test_cleans_up_an_object_that_another_worker_has_applied(drop: Drop) -> None:
    drop.write("a.ndjson", b'{"title":"Alien"}\nnonsense\n')
    other = drop.ingester

    class Overtaken(Folder):
        def read(self, found: ObjectVersion) -> bytes | None:
            content = super().read(found)
            if not drop.ingests:
                other.apply([other.new_object(found, content or b"")])
            return content

    drop.folder = Overtaken(drop.path)
    report = drop.scan().run()
    assert report.objects == {}
    assert drop.remaining_files == {"rejected/a.ndjson": b"nonsense\n"}
    assert len(drop.ingests) == 1


class OvertakenIngester(ObjectIngester):
    """Ingester of a worker that another one overtakes just before each transaction."""

    def apply(self, objects: Sequence[IngestedObject], *, commits: bool = True) -> None:
        copies = [self.new_object(each.version, each.content) for each in objects]
        super().apply(copies, commits=commits)
        super().apply(objects, commits=commits)


def test_cleans_up_an_object_that_another_worker_applies_meanwhile(drop: Drop) -> None:
    drop.write("a.ndjson", b'{"title":"Alien"}\nnonsense\n')
    ingester = OvertakenIngester(drop.database, drop.folder.name, MAX_BYTES)
    report = dataclasses.replace(drop.scan(), ingester=ingester).run()
    assert (report.objects, len(drop.ingests)) == ({}, 1)
    assert drop.remaining_files == {"rejected/a.ndjson": b"nonsense\n"}


def replace_in_place(path: Path, content: bytes) -> None:
    """Replace the content and set the time back; inode and size stay, as with `rsync -t`."""
    stat = path.stat()
    assert len(content) == stat.st_size
    path.write_bytes(content)
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))


@pytest.mark.parametrize("size", [20, MAX_BYTES + 1])
def test_takes_in_a_changed_object_with_the_same_inode_size_and_time(drop: Drop, size: int) -> None:
    first, second = (f'{{"title":"{each}"}}'.encode().ljust(size) for each in ("Alien", "Blade"))
    drop.write("a.json", first)
    (found,) = drop.folder.list(9)
    content = first if size <= MAX_BYTES else None
    drop.ingester.apply([drop.ingester.new_object(found, content)])
    replace_in_place(drop.path / "a.json", second)
    drop.scan().run()
    assert len(drop.ingests) == 2
    if content:
        assert (drop.titles, drop.remaining_files) == (["Alien", "Blade"], {})
    else:
        assert drop.remaining_files == {"rejected/a.json": second}


def test_deletes_no_object_that_changed_after_it_was_read(drop: Drop) -> None:
    class QuickFolder(Folder):
        """Folder with a file that changes once, just before its deletion."""

        def delete_if_unchanged(self, found: ObjectVersion, sha256: bytes | None = None) -> None:
            if len(drop.ingests) == 1:
                replace_in_place(drop.path / found.key, b'{"title":"Blade"}')
                found = self.list(9)[0]  # The clock of the file system is coarse.
            super().delete_if_unchanged(found, sha256)

    drop.folder = QuickFolder(drop.path)
    drop.write("a.json", b'{"title":"Alien"}')
    drop.scan().run()
    assert (drop.titles, drop.remaining_files) == (["Alien", "Blade"], {})


class StrongFolder(Folder):
    """Folder that stands for a bucket, with a list of the keys that were read."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.read_keys: list[str] = []
        self.vanishing: set[str] = set()

    def list(self, limit: int) -> list[ObjectVersion]:
        return [dataclasses.replace(each, has_strong_etag=True) for each in super().list(limit)]

    def read(self, found: ObjectVersion) -> bytes | None:
        self.read_keys.append(found.key)
        return None if found.key in self.vanishing else super().read(found)


def test_reads_no_object_of_a_bucket_again_that_was_ingested(drop: Drop) -> None:
    drop.folder = folder = StrongFolder(drop.path)
    drop.put("applied.json", {"title": "Alien"})
    drop.write("partial.ndjson", b'{"title":"Brazil"}\nnonsense\n')
    drop.write("vanished.ndjson", b'{"title":"Chinatown"}\nnonsense\n')
    found = folder.list(9)
    drop.ingester.apply([drop.ingester.new_object(each, folder.read(each)) for each in found])
    drop.put("new.json", {"title": "Dogma"})
    folder.read_keys.clear()
    folder.vanishing = {"vanished.ndjson"}
    drop.scan().run()
    assert set(folder.read_keys) == {"partial.ndjson", "vanished.ndjson", "new.json"}
    assert drop.remaining_files.keys() == {"rejected/partial.ndjson", "vanished.ndjson"}


def test_quarantines_the_whole_object_if_it_exceeds_a_lowered_limit(drop: Drop) -> None:
    drop.write("a.ndjson", b'{"title":"Alien"}\nnonsense\n')
    (found,) = drop.folder.list(9)
    drop.ingester.apply([drop.ingester.new_object(found, (drop.path / "a.ndjson").read_bytes())])
    scan = drop.scan()
    lower = dataclasses.replace(scan, cleanup=ObjectCleanup(drop.folder, True, 10))
    (drop.path / "a.ndjson").touch()
    os.utime(drop.path / "a.ndjson", ns=(0, 0))
    packed = gzip.compress(b'{"title":"Alien"}\nnonsense\n')
    drop.write("b.ndjson.gz", packed)
    found = next(each for each in drop.folder.list(9) if each.key == "b.ndjson.gz")
    drop.ingester.apply([drop.ingester.new_object(found, packed)])
    lower.run()
    assert drop.remaining_files["rejected/b.ndjson.gz"] == packed


def test_a_modification_time_in_the_future_does_not_block_later_updates(drop: Drop) -> None:
    drop.put("a.json", {"title": "Alien", "plot": "First."})
    os.utime(drop.path / "a.json", (4_000_000_000, 4_000_000_000))
    drop.scan().run()
    drop.put("b.json", {"title": "Alien", "plot": "Second."})
    assert drop.scan().run().updates["changed"] == 1


class RecordlessDatabase(FaultyDatabase):
    """Database that fails to store ingest records as well."""

    def __call__(self, *, is_read_only: bool = False) -> FakeUnitOfWork:
        uow = super().__call__(is_read_only=is_read_only)

        def add_many(*_arguments: object) -> None:
            raise ZeroDivisionError

        uow.ingests.add_many = add_many  # type: ignore[assignment, method-assign]  # Fault injection.
        return uow


def test_quarantines_an_object_whose_record_cannot_be_stored(
    drop: Drop, capsys: pytest.CaptureFixture[str]
) -> None:
    drop.database = RecordlessDatabase()
    drop.put("a.json", {"title": "Alien"})
    drop.scan().run()
    assert list(drop.remaining_files) == ["rejected/a.json"]
    assert "ingest_record_failed" in capsys.readouterr().out


class UnavailableForRecords(FaultyDatabase):
    """Database that becomes unavailable before the record is stored."""

    def __init__(self) -> None:
        super().__init__()
        self.opened = 0

    def __call__(self, *, is_read_only: bool = False) -> FakeUnitOfWork:
        self.opened += not is_read_only
        if self.opened > 1:
            raise DatabaseUnavailable("Database unavailable.")
        return super().__call__(is_read_only=is_read_only)


def test_keeps_an_object_while_its_record_cannot_be_stored(drop: Drop) -> None:
    drop.database = UnavailableForRecords()
    drop.put("a.json", {"title": "Poison"})
    with pytest.raises(DatabaseUnavailable):
        drop.scan().run()
    assert list(drop.remaining_files) == ["a.json"]


def test_writes_large_updates_in_several_chunks(
    drop: Drop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(object_ingester, "CHUNK_BYTES", 10)
    drop.put("a.ndjson", {"title": "Alien"}, {"title": "Brazil"}, {"title": "Alien", "year": None})
    assert drop.scan().run().updates == {"added": 2, "unchanged": 1, "rejected": 0}


def test_writes_nothing_through_a_link_named_rejected(drop: Drop, tmp_path: Path) -> None:
    source, outside = tmp_path / "source", tmp_path / "outside"
    source.mkdir()
    outside.mkdir()
    drop.path, drop.folder = source, Folder(source)
    (source / "rejected").symlink_to(outside)
    drop.write("bad.json", b"nonsense")
    drop.put("good.json", {"title": "Alien"})
    with pytest.raises(BucketUnavailable, match="`rejected`"):
        drop.scan().run()
    assert (drop.titles, [*outside.iterdir()]) == (["Alien"], [])
    assert list(drop.remaining_files) == ["bad.json"]
    (source / "rejected").unlink()
    drop.scan().run()
    assert list(drop.remaining_files) == ["rejected/bad.json"]
