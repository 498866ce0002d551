"""One transaction over all repositories."""

from collections.abc import Callable
from types import TracebackType
from typing import Protocol, Self

from data_layer.ports.api_keys import ApiKeyRepository
from data_layer.ports.movies import MovieRepository
from data_layer.ports.seeds import SeedRepository


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
