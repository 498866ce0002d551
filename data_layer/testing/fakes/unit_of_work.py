"""The unit of work in memory: commit copies what the repositories hold."""

import datetime as dt
from collections.abc import Callable
from types import TracebackType
from typing import Self

from data_layer.entities.api_key import ApiKey
from data_layer.entities.audit_entry import AuditEntry
from data_layer.entities.fetch import Fetch
from data_layer.entities.idempotency_record import KeptAnswer
from data_layer.entities.import_checkpoint import ImportPosition
from data_layer.entities.ingest import IngestSource
from data_layer.entities.movie import MovieFacts
from data_layer.entities.movie_refresh import MovieCheck
from data_layer.entities.seed import Seed
from data_layer.entities.session import Session
from data_layer.entities.signing_key import SigningKey
from data_layer.entities.upstream_state import Upstream
from data_layer.entities.user import User
from data_layer.testing.fakes.api_keys import FakeApiKeyRepository
from data_layer.testing.fakes.audit import FakeAuditRepository
from data_layer.testing.fakes.fetches import FakeFetchRepository
from data_layer.testing.fakes.idempotency_records import FakeKeptAnswerRepository
from data_layer.testing.fakes.import_checkpoints import FakeImportPositionRepository
from data_layer.testing.fakes.ingests import FakeIngestRepository, Kept
from data_layer.testing.fakes.movie_refreshes import FakeMovieCheckRepository
from data_layer.testing.fakes.movies import FakeMovieRepository
from data_layer.testing.fakes.seeds import FakeSeedRepository
from data_layer.testing.fakes.sessions import FakeSessionRepository
from data_layer.testing.fakes.signing_keys import FakeSigningKeyRepository
from data_layer.testing.fakes.update_watermarks import FakeMovieMarkRepository
from data_layer.testing.fakes.upstream_state import FakeUpstreamRepository
from data_layer.testing.fakes.users import FakeUserRepository


class FakeDatabase:
    """What fake units of work share, and a factory of them: call it to open one."""

    def __init__(self) -> None:
        self.movies: dict[int, MovieFacts] = {}
        self.last_movie_id = 0
        self.revision = 0
        self.api_keys: dict[str, ApiKey] = {}
        self.seeds: dict[str, Seed] = {}
        self.users: dict[str, User] = {}
        self.sessions: dict[str, Session] = {}
        self.signing_keys: dict[str, SigningKey] = {}
        self.audit: list[AuditEntry] = []
        self.kept_answers: dict[bytes, KeptAnswer] = {}
        self.fetches: dict[int, Fetch] = {}
        self.movie_checks: dict[int, MovieCheck] = {}
        self.movie_marks: dict[bytes, dt.datetime] = {}
        self.ingests: dict[int, Kept] = {}
        self.ingest_sources: dict[str, IngestSource] = {}
        self.import_positions: dict[bytes, ImportPosition] = {}
        self.upstream: Upstream | None = None

    def __call__(self, *, is_read_only: bool = False) -> "FakeUnitOfWork":
        """Open a unit of work; nothing is written by one that promised to read only."""
        return FakeUnitOfWork(self, is_read_only=is_read_only)


class FakeUnitOfWork:
    """See `data_layer.ports.unit_of_work.UnitOfWork`."""

    def __init__(self, database: FakeDatabase, *, is_read_only: bool = False) -> None:
        self._database = database
        self._is_read_only = is_read_only
        self._effects: list[Callable[[], None]] = []
        self.movies = FakeMovieRepository(
            dict(database.movies), database.last_movie_id, database.revision
        )
        self.api_keys = FakeApiKeyRepository(dict(database.api_keys))
        self.seeds = FakeSeedRepository(dict(database.seeds))
        self.users = FakeUserRepository(dict(database.users))
        self.sessions = FakeSessionRepository(dict(database.sessions))
        self.signing_keys = FakeSigningKeyRepository(dict(database.signing_keys))
        self.audit = FakeAuditRepository(list(database.audit))
        self.kept_answers = FakeKeptAnswerRepository(dict(database.kept_answers))
        self.fetches = FakeFetchRepository(dict(database.fetches))
        self.movie_checks = FakeMovieCheckRepository(dict(database.movie_checks))
        self.movie_marks = FakeMovieMarkRepository(dict(database.movie_marks))
        self.ingests = FakeIngestRepository(dict(database.ingests), dict(database.ingest_sources))
        self.import_positions = FakeImportPositionRepository(dict(database.import_positions))
        self.upstream = FakeUpstreamRepository(database.upstream)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Forget what was not committed: it is in this object's copies only."""

    def commit(self) -> None:
        """Make the copies the truth, then run the effects."""
        if self._is_read_only:
            raise AssertionError("A unit of work that promised to read only was committed.")
        self._database.movies = dict(self.movies.facts_by_id)
        self._database.last_movie_id = self.movies.last_id
        self._database.revision = self.movies.revision()
        self._database.api_keys = dict(self.api_keys.keys)
        self._database.seeds = dict(self.seeds.seeds)
        self._database.users = dict(self.users.users)
        self._database.sessions = dict(self.sessions.sessions)
        self._database.signing_keys = dict(self.signing_keys.keys)
        self._database.audit = list(self.audit.entries)
        self._database.kept_answers = dict(self.kept_answers.answers)
        self._database.fetches = dict(self.fetches.fetches)
        films = self._database.movies
        checks = self.movie_checks.checks.items()
        self._database.movie_checks = {film: check for film, check in checks if film in films}
        self._database.movie_marks = dict(self.movie_marks.marks)
        self._database.ingests = dict(self.ingests.ingests)
        self._database.ingest_sources = dict(self.ingests.sources)
        self._database.import_positions = dict(self.import_positions.positions)
        self._database.upstream = self.upstream.upstream
        effects, self._effects = self._effects, []
        for effect in effects:
            effect()

    def after_commit(self, effect: Callable[[], None]) -> None:
        """Keep `effect` for the commit."""
        self._effects.append(effect)
