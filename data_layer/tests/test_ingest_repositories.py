"""Contract tests of ingested objects, sources, update watermarks and import checkpoints."""

import dataclasses
import datetime as dt

import pytest

from common.errors import Conflict, NotFound
from data_layer.entities.import_checkpoint import ImportCheckpoint
from data_layer.entities.ingest import (
    Ingest,
    IngestError,
    IngestQuery,
    IngestSource,
    IngestState,
)
from data_layer.entities.update_watermark import UpdateWatermark
from data_layer.ports.unit_of_work import UnitOfWorkFactory

NOW = dt.datetime(2026, 11, 21, 12, 0, 0, 123456, tzinfo=dt.UTC)
SECOND = dt.timedelta(seconds=1)
ERRORS = (IngestError(3, "year", "It must be a number."), IngestError(None, "", "No JSON."))


def an_ingest(number: int, **fields: object) -> Ingest:
    """Return an object version; another number gives another object."""
    ingest = Ingest(
        object_id=bytes([number] * 32),
        source="s3://drop/movies",
        object_key=f"movies/{number}.json",
        etag="0123abcd",
        size_bytes=5_000_000_000,
        modified_at=NOW,
        ingested_at=NOW + number * SECOND,
        state=IngestState.APPLIED,
        added=1,
    )
    return dataclasses.replace(ingest, **fields)  # type: ignore[arg-type]  # Any fields.


def add(unit_of_work: UnitOfWorkFactory, *ingests: Ingest) -> None:
    with unit_of_work() as uow:
        uow.ingests.add_many([(ingest, ERRORS[: ingest.rejected]) for ingest in ingests])
        uow.commit()


def test_stores_all_fields_and_lists_newest_first(unit_of_work: UnitOfWorkFactory) -> None:
    counts = {"added": 1, "changed": 2, "unchanged": 3, "stale": 4, "removed": 5, "rejected": 2}
    partial = an_ingest(2, state=IngestState.PARTIAL, **counts)
    add(unit_of_work, an_ingest(1), partial, an_ingest(3))
    with unit_of_work(is_read_only=True) as uow:
        third, second, first = uow.ingests.list(IngestQuery())
        assert dataclasses.replace(second, id=None) == partial
        assert uow.ingests.get(second.known_id) == second
        assert uow.ingests.list_errors(second.known_id) == ERRORS
        assert uow.ingests.list_errors(first.known_id) == ()
        assert uow.ingests.find_existing([bytes([3] * 32), bytes([9] * 32)]) == {
            bytes([3] * 32): third
        }
        assert uow.ingests.list(IngestQuery(state=IngestState.PARTIAL)) == (second,)
        assert uow.ingests.list(IngestQuery(before=second.id)) == (first,)
        assert uow.ingests.list(IngestQuery(limit=1)) == (third,)
        assert uow.ingests.counts() == {IngestState.APPLIED: 2, IngestState.PARTIAL: 1}


def test_rejects_a_second_ingest_of_an_object_version(unit_of_work: UnitOfWorkFactory) -> None:
    add(unit_of_work, an_ingest(1))
    with pytest.raises(Conflict):
        add(unit_of_work, an_ingest(1))


def test_does_not_find_an_unknown_object(unit_of_work: UnitOfWorkFactory) -> None:
    with unit_of_work(is_read_only=True) as uow:
        with pytest.raises(NotFound):
            uow.ingests.get(1)
        with pytest.raises(NotFound):
            uow.ingests.list_errors(1)


def test_deletes_old_objects(unit_of_work: UnitOfWorkFactory) -> None:
    add(unit_of_work, an_ingest(1), an_ingest(2))
    with unit_of_work() as uow:
        uow.ingests.delete_before(NOW + 2 * SECOND)
        uow.commit()
    with unit_of_work(is_read_only=True) as uow:
        assert [each.object_key for each in uow.ingests.list(IngestQuery())] == ["movies/2.json"]


def test_replaces_the_state_of_a_source(unit_of_work: UnitOfWorkFactory) -> None:
    requested = IngestSource(name="dir:/drop", scan_requested_at=NOW)
    scanned = IngestSource(name="dir:/drop", scanned_at=NOW, last_error="The folder is missing.")
    for source in (requested, scanned):
        with unit_of_work() as uow:
            uow.ingests.put_source(source)
            uow.commit()
        with unit_of_work(is_read_only=True) as uow:
            assert uow.ingests.find_source("dir:/drop") == source
            assert uow.ingests.find_source("dir:/other") is None


def test_replaces_and_removes_an_import_checkpoint(unit_of_work: UnitOfWorkFactory) -> None:
    key = bytes(32)
    for after in ("tt0000001", "tt0000002"):
        with unit_of_work() as uow:
            uow.import_checkpoints.put(ImportCheckpoint(key, after))
            uow.commit()
        with unit_of_work(is_read_only=True) as uow:
            assert uow.import_checkpoints.find(key) == ImportCheckpoint(key, after)
    with unit_of_work() as uow:
        uow.import_checkpoints.remove(key)
        uow.commit()
    with unit_of_work(is_read_only=True) as uow:
        assert uow.import_checkpoints.find(key) is None


def test_replaces_update_watermarks(unit_of_work: UnitOfWorkFactory) -> None:
    first, second = bytes([1] * 32), bytes([2] * 32)
    for watermarks in (
        [UpdateWatermark(first, NOW)],
        [UpdateWatermark(first, NOW + SECOND), UpdateWatermark(second, NOW)],
    ):
        with unit_of_work() as uow:
            uow.update_watermarks.remove_many([each.movie_key for each in watermarks])
            uow.update_watermarks.add_many(watermarks)
            uow.commit()
    with unit_of_work(is_read_only=True) as uow:
        assert uow.update_watermarks.find_many([first, second, bytes(32)]) == {
            first: NOW + SECOND,
            second: NOW,
        }


def test_rejects_a_second_watermark_of_a_movie(unit_of_work: UnitOfWorkFactory) -> None:
    watermark = UpdateWatermark(bytes([3] * 32), NOW)
    with unit_of_work() as uow:
        uow.update_watermarks.add_many([watermark])
        uow.commit()
    with pytest.raises(Conflict), unit_of_work() as uow:
        uow.update_watermarks.add_many([watermark])
        uow.commit()


def test_an_unstored_object_has_no_id() -> None:
    with pytest.raises(AssertionError):
        _ = an_ingest(1).known_id
