"""Reads that may take more than 5 ms run in a thread, so that the event loop does not wait."""

import dataclasses
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any, ParamSpec, TypeVar

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from common.executors import CallExecutor, ThreadPoolCallExecutor, run_inline
from data_layer.database import Database
from data_layer.entities.scope import Scope
from movies_service.app import MiddlewareOptions, create_app
from movies_service.bootstrap import built_use_cases
from movies_service.telemetry.counters import ProcessCounters
from movies_service.tests.conftest import SmallOmdb, new_client

P = ParamSpec("P")
T = TypeVar("T")


@pytest.fixture
def runs() -> list[str]:
    """Return the executors that reads have used, in their order."""
    return []


@pytest.fixture
def recording_client(database: Database, omdb: SmallOmdb, runs: list[str]) -> Iterator[TestClient]:
    """Yield a client of the app, whose executors of reads record their use."""

    def recorded(name: str, execute: CallExecutor) -> CallExecutor:
        async def run(call: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
            runs.append(name)
            return await execute(call, *args, **kwargs)

        return run

    @asynccontextmanager
    async def lifespan(api: FastAPI) -> AsyncIterator[None]:
        with built_use_cases(database, omdb, ProcessCounters) as built:
            api.state.use_cases = dataclasses.replace(
                built,
                read=recorded("read", built.read),
                long_read=recorded("long_read", built.long_read),
            )
            yield

    with TestClient(create_app(lifespan, MiddlewareOptions())) as client:
        yield client


@pytest.mark.parametrize(
    ("query", "is_in_thread"),
    [
        ("", False),
        ("genre=comedy&sort=year", False),
        ("page=51", False),
        ("page=52", True),
        ("genre=comedy&year=1985", True),
        ("cast=x&sort=id", True),
    ],
)
def test_long_queries_run_in_a_thread(
    recording_client: TestClient, runs: list[str], query: str, *, is_in_thread: bool
) -> None:
    assert recording_client.get(f"/movies?{query}").status_code == 200
    assert runs == ["long_read" if is_in_thread else "read"]


@pytest.mark.parametrize(
    ("path", "status"),
    [("/users", 200), ("/api-keys", 200), ("/audit", 200), ("/ingests/1/errors", 404)],
)
def test_reads_without_a_bound_run_in_a_thread(
    recording_client: TestClient,
    api_key_of: Callable[..., str],
    runs: list[str],
    path: str,
    status: int,
) -> None:
    headers = {"X-API-Key": api_key_of(Scope.ADMIN)}
    assert recording_client.get(path, headers=headers).status_code == status
    assert runs[-1] == "long_read"


def test_only_short_reads_of_sqlite_run_in_the_event_loop(
    database: Database, omdb: SmallOmdb
) -> None:
    with built_use_cases(database, omdb, ProcessCounters) as built:
        assert built.read is run_inline
        assert isinstance(built.long_read, ThreadPoolCallExecutor)


def test_the_openapi_document_is_generated_in_a_thread(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads: list[str] = []

    def generate(api: FastAPI) -> dict[str, Any]:
        threads.append(threading.current_thread().name)
        return generate_really(api)

    generate_really = FastAPI.openapi
    monkeypatch.setattr(FastAPI, "openapi", generate)
    with new_client(database, SmallOmdb()) as client:
        assert client.get("/fetches?limit=1").status_code == 200
        assert threads == []
        etag = client.get("/openapi.json").headers["ETag"]
        response = client.get("/openapi.json", headers={"If-None-Match": etag})
    assert response.status_code == 304
    assert [name.startswith("asyncio") for name in threads] == [True]
