"""Objects that were taken in, and the marks of films: in memory and in every database."""

import dataclasses
import datetime as dt

import pytest

from common.errors import Conflict, NotFound
from data_layer.entities.import_checkpoint import ImportPosition
from data_layer.entities.ingest import (
    Ingest,
    IngestFault,
    IngestQuery,
    IngestSource,
    IngestState,
)
from data_layer.entities.update_watermark import MovieMark
from data_layer.ports.unit_of_work import UnitOfWorkFactory

NOW = dt.datetime(2026, 11, 21, 12, 0, 0, 123456, tzinfo=dt.UTC)
SECOND = dt.timedelta(seconds=1)
FAULTS = (IngestFault(3, "year", "It must be a number."), IngestFault(None, "", "No JSON."))


def an_ingest(number: int, **fields: object) -> Ingest:
    """An object of its own."""
    ingest = Ingest(
        object_id=bytes([number] * 32),
        source="s3://drop/films",
        object_key=f"films/{number}.json",
        etag="0123abcd",
        size_bytes=5_000_000_000,
        modified_at=NOW,
        ingested_at=NOW + number * SECOND,
        state=IngestState.APPLIED,
        added=1,
    )
    return dataclasses.replace(ingest, **fields)  # type: ignore[arg-type]  # Of any fields.


def add(unit_of_work: UnitOfWorkFactory, *ingests: Ingest) -> None:
    with unit_of_work() as uow:
        uow.ingests.add_many([(ingest, FAULTS[: ingest.refused]) for ingest in ingests])
        uow.commit()


def test_objects_are_kept_whole_and_listed_newest_first(unit_of_work: UnitOfWorkFactory) -> None:
    counts = {"added": 1, "changed": 2, "unchanged": 3, "late": 4, "removed": 5, "refused": 2}
    partly = an_ingest(2, state=IngestState.PARTLY, **counts)
    add(unit_of_work, an_ingest(1), partly, an_ingest(3))
    with unit_of_work(is_read_only=True) as uow:
        three, two, one = uow.ingests.list(IngestQuery())
        assert dataclasses.replace(two, id=None) == partly
        assert uow.ingests.get(two.id or 0) == two
        assert uow.ingests.faults(two.id or 0) == FAULTS
        assert uow.ingests.faults(one.id or 0) == ()
        assert uow.ingests.known([bytes([3] * 32), bytes([9] * 32)]) == {bytes([3] * 32): three}
        assert uow.ingests.list(IngestQuery(state=IngestState.PARTLY)) == (two,)
        assert uow.ingests.list(IngestQuery(before=two.id)) == (one,)
        assert uow.ingests.list(IngestQuery(limit=1)) == (three,)
        assert uow.ingests.counts() == {IngestState.APPLIED: 2, IngestState.PARTLY: 1}


def test_a_version_is_kept_once(unit_of_work: UnitOfWorkFactory) -> None:
    add(unit_of_work, an_ingest(1))
    with pytest.raises(Conflict):
        add(unit_of_work, an_ingest(1))


def test_an_object_that_is_not_known_is_not_found(unit_of_work: UnitOfWorkFactory) -> None:
    with unit_of_work(is_read_only=True) as uow:
        with pytest.raises(NotFound):
            uow.ingests.get(1)
        with pytest.raises(NotFound):
            uow.ingests.faults(1)


def test_what_is_long_ago_is_forgotten(unit_of_work: UnitOfWorkFactory) -> None:
    add(unit_of_work, an_ingest(1), an_ingest(2))
    with unit_of_work() as uow:
        uow.ingests.forget(NOW + 2 * SECOND)
        uow.commit()
    with unit_of_work(is_read_only=True) as uow:
        assert [each.object_key for each in uow.ingests.list(IngestQuery())] == ["films/2.json"]


def test_it_is_kept_how_far_a_source_is(unit_of_work: UnitOfWorkFactory) -> None:
    first = IngestSource(name="dir:/drop", wanted_at=NOW)
    then = IngestSource(name="dir:/drop", looked_at=NOW, problem="It is away.")
    for source in (first, then):
        with unit_of_work() as uow:
            uow.ingests.put_source(source)
            uow.commit()
        with unit_of_work(is_read_only=True) as uow:
            assert uow.ingests.find_source("dir:/drop") == source
            assert uow.ingests.find_source("dir:/other") is None


def test_it_is_kept_how_far_an_import_is(unit_of_work: UnitOfWorkFactory) -> None:
    key = bytes(32)
    for after in ("tt0000001", "tt0000002"):
        with unit_of_work() as uow:
            uow.import_positions.put(ImportPosition(key, after))
            uow.commit()
        with unit_of_work(is_read_only=True) as uow:
            assert uow.import_positions.find(key) == ImportPosition(key, after)
    with unit_of_work() as uow:
        uow.import_positions.remove(key)
        uow.commit()
    with unit_of_work(is_read_only=True) as uow:
        assert uow.import_positions.find(key) is None


def test_marks_replace_each_other(unit_of_work: UnitOfWorkFactory) -> None:
    one, two = bytes([1] * 32), bytes([2] * 32)
    for marks in (
        [MovieMark(one, NOW)],
        [MovieMark(one, NOW + SECOND), MovieMark(two, NOW)],
    ):
        with unit_of_work() as uow:
            uow.movie_marks.remove_many([mark.film_key for mark in marks])
            uow.movie_marks.add_many(marks)
            uow.commit()
    with unit_of_work(is_read_only=True) as uow:
        assert uow.movie_marks.find_many([one, two, bytes(32)]) == {one: NOW + SECOND, two: NOW}


def test_a_film_has_one_mark(unit_of_work: UnitOfWorkFactory) -> None:
    mark = MovieMark(bytes([3] * 32), NOW)
    with unit_of_work() as uow:
        uow.movie_marks.add_many([mark])
        uow.commit()
    with pytest.raises(Conflict), unit_of_work() as uow:
        uow.movie_marks.add_many([mark])
        uow.commit()


def test_an_object_that_is_not_stored_has_no_id() -> None:
    with pytest.raises(AssertionError):
        _ = an_ingest(1).known_id
