"""The service on memory, and on a real SQLite file, with an OMDb of a few lines."""

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
from data_fetcher.omdb.lookups import ImdbWish, Wish
from data_layer.database import Database
from data_layer.entities.movie import MovieFacts
from data_layer.entities.scope import Scope
from data_layer.ports.unit_of_work import UnitOfWorkFactory
from movies_service.accounts import passwords
from movies_service.accounts.api_keys import ApiKeys
from movies_service.api.dependencies.use_cases import DEFAULT_POLICY, Policy
from movies_service.app import EdgeOptions, create_app
from movies_service.bootstrap import built_services
from movies_service.rate_limiting.rate_limits import NO_LIMITS, Limits
from movies_service.telemetry.collector import Counts

ReadLog = Callable[[], list[dict[str, Any]]]
"""Gives the lines that were logged since it was last asked."""


@dataclass
class SmallOmdb:
    """Knows the films that a test gives it, by IMDb id and by title."""

    films: list[MovieFacts] = field(default_factory=list)
    error: MoviesError | None = None
    calls: int = 0
    attempts: Counter[str] = field(default_factory=Counter)

    async def fetch(self, wish: Wish, purpose: Purpose = Purpose.DIRECT) -> MovieFacts:
        """Answer as the client of OMDb does."""
        self.calls += 1
        self.attempts["asked"] += 1
        if self.error is not None:
            raise self.error
        for film in self.films:
            name = film.imdb_id if isinstance(wish, ImdbWish) else film.title
            wanted = wish.imdb_id if isinstance(wish, ImdbWish) else wish.title
            if name == wanted:
                return film
        raise NotFound("OMDb has no such movie.")


@dataclass
class KnownRevision:
    """What is known of the catalogue's revision, as a test sets it."""

    number: int = 1
    fresh_until: float = float("inf")
    away: bool = False

    def is_away(self) -> bool:
        """Return what the test has set."""
        return self.away


@pytest.fixture(autouse=True)
def quick_passwords(monkeypatch: pytest.MonkeyPatch) -> None:
    """Argon2id as cheap as it gets: tests hash some hundred passwords."""
    cheap = Argon2Hasher(time_cost=1, memory_cost=8, parallelism=1)
    monkeypatch.setattr(passwords, "_ARGON2ID", PasswordHash([cheap]))


@pytest.fixture
def omdb() -> SmallOmdb:
    """An OMDb without films."""
    return SmallOmdb()


def new_client(
    database: Database,
    omdb: SmallOmdb,
    options: EdgeOptions | None = None,
    policy: Policy = DEFAULT_POLICY,
    limits: Limits = NO_LIMITS,
) -> TestClient:
    """Return a client of the whole app on a database; it has to be entered."""
    counts = Counts(upstream_attempts=omdb.attempts)
    options = options or EdgeOptions(requests=counts.requests)
    counts.requests = options.requests

    @asynccontextmanager
    async def lifespan(api: FastAPI) -> AsyncIterator[None]:
        database.revision.look()
        with (
            built_services(database, omdb, lambda: counts, policy, limits) as api.state.services,
            database.revision.watched(),
        ):
            yield

    return TestClient(create_app(lifespan, options))


@pytest.fixture
def open_client(database: Database, omdb: SmallOmdb) -> Iterator[Callable[..., TestClient]]:
    """Opens a client of the whole app, on SQLite."""
    with ExitStack() as clients:
        yield lambda options=None: clients.enter_context(new_client(database, omdb, options))


@pytest.fixture
def client(open_client: Callable[..., TestClient]) -> TestClient:
    """A client of the app with its default options."""
    return open_client()


@pytest.fixture
def api_key(database: Database) -> str:
    """A key that may remove films."""
    return ApiKeys(database.unit_of_work).create("robot", {Scope.MOVIES_DELETE}).secret


@pytest.fixture
def api_key_of(database: Database) -> Callable[..., str]:
    """Makes a key with these scopes."""
    numbers = itertools.count()
    keys = ApiKeys(database.unit_of_work)
    return lambda *scopes: keys.create(f"key {next(numbers)}", set(scopes)).secret


@pytest.fixture
def read_log(capsys: pytest.CaptureFixture[str]) -> ReadLog:
    """The log, as JSON."""
    configure_logs("info", "json")
    return lambda: [json.loads(line) for line in capsys.readouterr().err.splitlines()]


def store(unit_of_work: UnitOfWorkFactory, *films: MovieFacts) -> list[int]:
    """Store films, commit, and return their ids."""
    with unit_of_work() as uow:
        ids = [uow.movies.add(film).id for film in films]
        uow.commit()
    return ids
