"""Fixtures: the service on SQLite with a fake OMDb, API keys, and the log."""

import itertools
import json
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher

from common.errors import MoviesError, NotFound
from common.logging_setup import configure_logs
from data_fetcher.omdb.admission import Purpose
from data_fetcher.omdb.lookups import ImdbIdLookup, MovieLookup
from data_layer.database import Database
from data_layer.entities.movie import MovieFacts
from data_layer.entities.scope import Scope
from data_layer.ports.unit_of_work import UnitOfWorkFactory
from movies_service.accounts import passwords
from movies_service.accounts.api_keys import ApiKeys
from movies_service.api.dependencies.use_cases import DEFAULT_POLICY, Policy
from movies_service.app import MiddlewareOptions, create_app
from movies_service.bootstrap import built_use_cases
from movies_service.rate_limiting.rate_limits import NO_LIMITS, RateLimits
from movies_service.telemetry.counters import ProcessCounters

ReadLog = Callable[[], list[dict[str, Any]]]
"""Returns the log lines since the previous call."""


@dataclass
class SmallOmdb:
    """Fake client of OMDb with the movies that a test sets."""

    movies: list[MovieFacts] = field(default_factory=list)
    error: MoviesError | None = None
    calls: int = 0
    attempts: Counter[str] = field(default_factory=Counter)

    async def fetch(
        self, lookup: MovieLookup, purpose: Purpose = Purpose.INTERACTIVE
    ) -> MovieFacts:
        """Return the movie of a lookup, or raise `error` if it is set."""
        self.calls += 1
        self.attempts["asked"] += 1
        if self.error is not None:
            raise self.error
        for movie in self.movies:
            name = movie.imdb_id if isinstance(lookup, ImdbIdLookup) else movie.title
            requested = lookup.imdb_id if isinstance(lookup, ImdbIdLookup) else lookup.title
            if name == requested:
                return movie
        raise NotFound("OMDb has no such movie.")


@dataclass
class KnownRevision:
    """Fake of the catalogue revision, with the values that a test sets."""

    number: int = 1
    fresh_until: float = float("inf")
    unavailable: bool = False

    def is_unavailable(self) -> bool:
        """Return whether the test has made the database unavailable."""
        return self.unavailable


@pytest.fixture(autouse=True)
def quick_passwords(monkeypatch: pytest.MonkeyPatch) -> None:
    """Use the cheapest Argon2id parameters, since tests hash some hundred passwords."""
    cheap = Argon2Hasher(time_cost=1, memory_cost=8, parallelism=1)
    monkeypatch.setattr(passwords, "_ARGON2ID", PasswordHash([cheap]))


@pytest.fixture
def omdb() -> SmallOmdb:
    """Return an OMDb without movies."""
    return SmallOmdb()


def new_client(
    database: Database,
    omdb: SmallOmdb,
    options: MiddlewareOptions | None = None,
    policy: Policy = DEFAULT_POLICY,
    limits: RateLimits = NO_LIMITS,
) -> TestClient:
    """Return a client of the complete app on a database; the caller enters its context."""
    counts = ProcessCounters(upstream_attempts=omdb.attempts)
    options = options or MiddlewareOptions(requests=counts.requests)
    counts.requests = options.requests

    @asynccontextmanager
    async def lifespan(api: FastAPI) -> AsyncIterator[None]:
        database.revision.poll()
        with (
            built_use_cases(database, omdb, lambda: counts, policy, limits) as api.state.use_cases,
            database.revision.watched(),
        ):
            yield

    return TestClient(create_app(lifespan, options))


@pytest.fixture
def open_client(database: Database, omdb: SmallOmdb) -> Iterator[Callable[..., TestClient]]:
    """Yield a function that opens a client of the complete app on SQLite."""
    with ExitStack() as clients:
        yield lambda options=None: clients.enter_context(new_client(database, omdb, options))


@pytest.fixture
def client(open_client: Callable[..., TestClient]) -> TestClient:
    """Return a client of the app with default options."""
    return open_client()


@pytest.fixture
def api_key(database: Database) -> str:
    """Return the secret of a key that may remove movies."""
    return ApiKeys(database.unit_of_work).create("robot", {Scope.MOVIES_DELETE}).secret


@pytest.fixture
def api_key_of(database: Database) -> Callable[..., str]:
    """Return a function that creates a key with given scopes and returns its secret."""
    numbers = itertools.count()
    keys = ApiKeys(database.unit_of_work)
    return lambda *scopes: keys.create(f"key {next(numbers)}", set(scopes)).secret


@pytest.fixture
def read_log(capsys: pytest.CaptureFixture[str]) -> ReadLog:
    """Configure JSON logs, and return a function that reads them."""
    configure_logs("info", "json")
    return lambda: [json.loads(line) for line in capsys.readouterr().err.splitlines()]


def store(unit_of_work: UnitOfWorkFactory, *movies: MovieFacts) -> list[int]:
    """Store movies, commit, and return their ids."""
    with unit_of_work() as uow:
        ids = [uow.movies.add(movie).id for movie in movies]
        uow.commit()
    return ids
