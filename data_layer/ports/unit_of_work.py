"""Unit of work: one transaction over all repositories."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from types import TracebackType
from typing import Protocol, Self

from data_layer.ports.api_keys import ApiKeyRepository
from data_layer.ports.audit import AuditRepository
from data_layer.ports.fetches import FetchRepository
from data_layer.ports.idempotency_records import IdempotencyRecordRepository
from data_layer.ports.import_checkpoints import ImportCheckpointRepository
from data_layer.ports.ingests import IngestRepository
from data_layer.ports.movie_refreshes import MovieRefreshRepository
from data_layer.ports.movies import MovieRepository
from data_layer.ports.sessions import SessionRepository
from data_layer.ports.signing_keys import SigningKeyRepository
from data_layer.ports.update_watermarks import UpdateWatermarkRepository
from data_layer.ports.upstream_state import UpstreamStateRepository
from data_layer.ports.users import UserRepository


class UnitOfWork(ABC):
    """Context in which all repositories share one transaction.

    The end of the context rolls back changes that were not committed. Errors of the database in
    the context leave it as `DatabaseUnavailable`, conflicts with concurrent changes as `Conflict`.
    """

    movies: MovieRepository
    api_keys: ApiKeyRepository
    users: UserRepository
    sessions: SessionRepository
    signing_keys: SigningKeyRepository
    audit: AuditRepository
    idempotency_records: IdempotencyRecordRepository
    fetches: FetchRepository
    movie_refreshes: MovieRefreshRepository
    update_watermarks: UpdateWatermarkRepository
    ingests: IngestRepository
    import_checkpoints: ImportCheckpointRepository
    upstream_state: UpstreamStateRepository

    @abstractmethod
    def __enter__(self) -> Self: ...

    @abstractmethod
    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None: ...

    @abstractmethod
    def commit(self) -> None:
        """Commit the transaction, then run the registered effects.

        Raises:
            Conflict: The changes conflict with a concurrent write.
            DatabaseUnavailable: Nothing was stored.
        """

    @abstractmethod
    def after_commit(self, effect: Callable[[], None]) -> None:
        """Register `effect`, which runs once after the commit; without a commit it never runs."""


class UnitOfWorkFactory(Protocol):
    """Factory of units of work."""

    def __call__(self, *, is_read_only: bool = False) -> UnitOfWork:
        """Return a new unit of work, to be entered once.

        Args:
            is_read_only: Whether the unit only reads; such a unit does not wait for writers.
        """
        ...
