"""One transaction over all repositories."""

from collections.abc import Callable
from types import TracebackType
from typing import Protocol, Self

from data_layer.ports.api_keys import ApiKeyRepository
from data_layer.ports.audit import AuditRepository
from data_layer.ports.fetches import FetchRepository
from data_layer.ports.idempotency_records import KeptAnswerRepository
from data_layer.ports.import_checkpoints import ImportPositionRepository
from data_layer.ports.ingests import IngestRepository
from data_layer.ports.movie_refreshes import MovieCheckRepository
from data_layer.ports.movies import MovieRepository
from data_layer.ports.seeds import SeedRepository
from data_layer.ports.sessions import SessionRepository
from data_layer.ports.signing_keys import SigningKeyRepository
from data_layer.ports.update_watermarks import MovieMarkRepository
from data_layer.ports.upstream_state import UpstreamRepository
from data_layer.ports.users import UserRepository


class UnitOfWork(Protocol):
    """A context within which the repositories work in one transaction.

    What is not committed when the context ends is rolled back. Leaving the context can raise
    `DatabaseUnavailable`, and `Conflict` where somebody else was faster.
    """

    @property
    def movies(self) -> MovieRepository:
        """The films."""
        ...

    @property
    def api_keys(self) -> ApiKeyRepository:
        """The API keys."""
        ...

    @property
    def seeds(self) -> SeedRepository:
        """The plan of the first films."""
        ...

    @property
    def users(self) -> UserRepository:
        """The users who sign in."""
        ...

    @property
    def sessions(self) -> SessionRepository:
        """The sessions of users."""
        ...

    @property
    def signing_keys(self) -> SigningKeyRepository:
        """What tokens are signed with."""
        ...

    @property
    def audit(self) -> AuditRepository:
        """The record of who did what."""
        ...

    @property
    def kept_answers(self) -> KeptAnswerRepository:
        """The answers that are given again to the same request."""
        ...

    @property
    def fetches(self) -> FetchRepository:
        """The wishes to have films fetched."""
        ...

    @property
    def movie_checks(self) -> MovieCheckRepository:
        """When films are looked at again."""
        ...

    @property
    def movie_marks(self) -> MovieMarkRepository:
        """Since when what is known of films is true."""
        ...

    @property
    def ingests(self) -> IngestRepository:
        """The objects with updates that were taken in."""
        ...

    @property
    def import_positions(self) -> ImportPositionRepository:
        """How far large imports are."""
        ...

    @property
    def upstream(self) -> UpstreamRepository:
        """What all processes together know of the source."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None: ...

    def commit(self) -> None:
        """Make everything since the start of the context permanent, then run the effects.

        Raises:
            Conflict: what was written contradicts what somebody else has stored meanwhile.
            DatabaseUnavailable: nothing was stored.
        """
        ...

    def after_commit(self, effect: Callable[[], None]) -> None:
        """Have `effect` run once, right after the commit and only if there is one."""
        ...


class UnitOfWorkFactory(Protocol):
    """Opens units of work."""

    def __call__(self, *, is_read_only: bool = False) -> UnitOfWork:
        """Return a unit of work to be entered once.

        Args:
            is_read_only: promises that nothing is written; such units wait for no writer.
        """
        ...
