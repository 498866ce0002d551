"""Tests of the ingestion endpoints."""

import datetime as dt
import json
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import requests
from fastapi.testclient import TestClient

from data_layer.database import Database
from data_layer.entities.ingest import Ingest, IngestError, IngestState
from data_layer.entities.scope import Scope
from movies_service.accounts.api_keys import ApiKeys
from movies_service.tests.service_process import running

pytestmark = pytest.mark.integration

NOW = dt.datetime(2026, 11, 21, 12, tzinfo=dt.UTC)


def add_ingests(database: Database, number: int) -> None:
    """Store a number of ingested objects, of which every second one has a rejected update."""
    with database.unit_of_work() as uow:
        for each in range(number):
            is_partial = each % 2 == 1
            ingest = Ingest(
                object_id=bytes([each] * 32),
                source="s3://drop/movies",
                object_key=f"{each}.json",
                etag='"e"',
                size_bytes=7,
                modified_at=NOW,
                ingested_at=NOW,
                state=IngestState.PARTIAL if is_partial else IngestState.APPLIED,
                added=1,
                rejected=int(is_partial),
            )
            error = IngestError(2, "year", "Input should be a valid integer.")
            uow.ingests.add_many([(ingest, [error] if is_partial else [])])
        uow.commit()


def test_lists_ingested_objects_in_pages_newest_first(
    client: TestClient, database: Database, api_key_of: Callable[..., str]
) -> None:
    add_ingests(database, 3)
    reader = {"X-API-Key": api_key_of(Scope.OPS_READ)}
    page = client.get("/ingests?limit=2", headers=reader).json()
    assert [ingest["key"] for ingest in page["ingests"]] == ["2.json", "1.json"]
    assert page["source"] is None
    rest = client.get(page["next_url"], headers=reader).json()
    assert [ingest["key"] for ingest in rest["ingests"]] == ["0.json"]
    assert rest["next_url"] is None
    partial = client.get("/ingests?state=partial", headers=reader).json()["ingests"]
    assert partial == [page["ingests"][1]]
    assert client.get(partial[0]["self_url"], headers=reader).json() == {
        "id": 2,
        "state": "partial",
        "source": "s3://drop/movies",
        "key": "1.json",
        "etag": '"e"',
        "size_bytes": 7,
        "modified_at": "2026-11-21T12:00:00Z",
        "ingested_at": "2026-11-21T12:00:00Z",
        "updates": {
            "added": 1,
            "changed": 0,
            "removed": 0,
            "unchanged": 0,
            "stale": 0,
            "rejected": 1,
        },
        "self_url": "/ingests/2",
    }
    errors = client.get("/ingests/2/errors", headers=reader).json()
    assert errors == {
        "errors": [{"line": 2, "field": "year", "message": "Input should be a valid integer."}]
    }


@pytest.mark.parametrize("path", ["/ingests/99", "/ingests/99/errors"])
def test_an_unknown_object_is_a_404(
    client: TestClient, api_key_of: Callable[..., str], path: str
) -> None:
    response = client.get(path, headers={"X-API-Key": api_key_of(Scope.OPS_READ)})
    assert (response.status_code, response.json()["code"]) == (404, "not-found")


@pytest.mark.parametrize("path", ["/ingests", "/ingests/1", "/ingests/1/errors"])
def test_reading_requires_the_scope_ops_read(
    client: TestClient, api_key_of: Callable[..., str], path: str
) -> None:
    assert client.get(path).status_code == 401
    writer = {"X-API-Key": api_key_of(Scope.MOVIES_WRITE)}
    assert client.get(path, headers=writer).status_code == 403


def test_rejects_a_scan_request_if_ingestion_is_disabled(
    client: TestClient, api_key_of: Callable[..., str]
) -> None:
    assert client.post("/ingests").status_code == 401
    writer = {"X-API-Key": api_key_of(Scope.MOVIES_WRITE)}
    response = client.post("/ingests", headers=writer)
    assert (response.status_code, response.json()["code"]) == (409, "conflict")
    assert "MOVIES_INGEST_SOURCE" in response.json()["detail"]


def test_the_service_ingests_new_objects_when_a_scan_is_requested(tmp_path: Path) -> None:
    folder = tmp_path / "drop"
    folder.mkdir()
    settings = {
        "MOVIES_SEED": "off",
        "MOVIES_INGEST_SOURCE": f"dir:{folder}",
        "MOVIES_INGEST_POLL_SECONDS": "3600",
    }
    with running(tmp_path, **settings) as service:
        url = service.url()
        database = Database(f"sqlite:///{tmp_path / 'movies.db'}")
        key = ApiKeys(database.unit_of_work).create("robot", {Scope.ADMIN}).secret
        session = requests.Session()
        session.headers["X-API-Key"] = key

        def poll_until(condition: Callable[[dict[str, object]], bool]) -> dict[str, object]:
            end = time.monotonic() + 30
            while not condition(page := session.get(f"{url}/ingests", timeout=10).json()):
                assert time.monotonic() < end, page
            result: dict[str, object] = page
            return result

        poll_until(lambda page: page["source"]["scanned_at"] is not None)  # type: ignore[index]  # JSON.
        (folder / "a.json").write_text(json.dumps({"title": "Alien", "year": 1979}))
        requested = session.post(f"{url}/ingests", headers={"Idempotency-Key": "one"}, timeout=10)
        assert requested.status_code == 202
        again = session.post(f"{url}/ingests", headers={"Idempotency-Key": "one"}, timeout=10)
        assert again.json() == requested.json()
        assert requested.json()["name"] == f"dir:{folder}"
        page = poll_until(lambda page: bool(page["ingests"]))
        assert page["ingests"][0]["key"] == "a.json"  # type: ignore[index]  # JSON.
        assert requests.get(f"{url}/movies/Alien", timeout=10).json()["year"] == 1979
        metrics = session.get(f"{url}/metrics", timeout=10).text
        assert 'movies_ingest_objects{state="applied"} 1.0' in metrics
        assert "movies_ingest_source_up 1.0" in metrics
        audit = session.get(f"{url}/audit?action=ingest.scan_requested", timeout=10).json()[
            "entries"
        ]
        assert len(audit) == 1
        assert service.stop() == 0
        database.close()


def test_the_service_does_not_start_without_its_ingest_source(tmp_path: Path) -> None:
    with running(tmp_path, MOVIES_INGEST_SOURCE=f"dir:{tmp_path / 'gone'}") as service:
        assert service.process.wait(30) == 2
        assert "The folder with updates does not exist: create it first." in service.log.read_text()
