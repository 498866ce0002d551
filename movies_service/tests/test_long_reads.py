"""Reads that may take more than 5 ms run in a thread, so that the event loop does not wait."""

import threading
from collections.abc import Callable
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from data_layer.database import Database
from data_layer.entities.movie_query import MoviePage, MovieQuery
from data_layer.entities.scope import Scope
from movies_service.accounts.api_keys import ApiKeys
from movies_service.accounts.users import Users
from movies_service.tests.conftest import SmallOmdb, new_client
from movies_service.use_cases.audit import Audit
from movies_service.use_cases.ingests import IngestHistory
from movies_service.use_cases.movies import Movies


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
    client: TestClient, monkeypatch: pytest.MonkeyPatch, query: str, *, is_in_thread: bool
) -> None:
    threads: list[str] = []

    def list_movies(movies: Movies, movie_query: MovieQuery) -> MoviePage:
        threads.append(threading.current_thread().name)
        return list_really(movies, movie_query)

    list_really = Movies.list
    monkeypatch.setattr(Movies, "list", list_movies)
    assert client.get(f"/movies?{query}").status_code == 200
    assert [name.startswith("database") for name in threads] == [is_in_thread]


@pytest.mark.parametrize(
    ("use_cases", "method", "path"),
    [
        (Users, "list", "/users"),
        (ApiKeys, "list", "/api-keys"),
        (Audit, "list", "/audit"),
        (IngestHistory, "list_errors", "/ingests/1/errors"),
    ],
)
def test_reads_without_a_bound_run_in_a_thread(
    client: TestClient,
    api_key_of: Callable[..., str],
    monkeypatch: pytest.MonkeyPatch,
    use_cases: type,
    method: str,
    path: str,
) -> None:
    threads: list[str] = []

    def read(*_arguments: object) -> tuple[()]:
        threads.append(threading.current_thread().name)
        return ()

    key = api_key_of(Scope.ADMIN)
    monkeypatch.setattr(use_cases, method, read)
    assert client.get(path, headers={"X-API-Key": key}).status_code == 200
    assert [name.startswith("database") for name in threads] == [True]


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
