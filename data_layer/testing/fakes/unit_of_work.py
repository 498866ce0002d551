"""Unit of work in memory: it works on copies, which a commit writes back."""

import copy
from collections.abc import Callable
from types import SimpleNamespace, TracebackType
from typing import Self

from data_layer.ports.implementations import find_repositories
from data_layer.ports.unit_of_work import UnitOfWork

_REPOSITORIES = find_repositories("data_layer.testing.fakes")


class FakeDatabase(SimpleNamespace):
    """Rows that fake units of work share, and their factory: a call opens a unit.

    The attributes are those of the unit of work; each holds the `rows` of that repository.
    """

    def __init__(self) -> None:
        super().__init__(**{name: new().rows for name, new in _REPOSITORIES.items()})

    def __call__(self, *, is_read_only: bool = False) -> "FakeUnitOfWork":
        """Return a new unit of work; a read-only one raises `AssertionError` on commit."""
        return FakeUnitOfWork(self, is_read_only=is_read_only)


class FakeUnitOfWork(UnitOfWork):
    """In-memory `data_layer.ports.unit_of_work.UnitOfWork`."""

    def __init__(self, database: FakeDatabase, *, is_read_only: bool = False) -> None:
        self._database = database
        self._is_read_only = is_read_only
        self._effects: list[Callable[[], None]] = []
        for name, new_repository in _REPOSITORIES.items():
            repository = new_repository()
            repository.rows = copy.copy(getattr(database, name))
            setattr(self, name, repository)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Do nothing: uncommitted changes exist only in the copies."""

    def commit(self) -> None:
        """Write the copies back to the database, then run the effects."""
        if self._is_read_only:
            raise AssertionError("A read-only unit of work must not be committed.")
        rows = {name: copy.copy(getattr(self, name).rows) for name in _REPOSITORIES}
        for orphan in rows["movie_refreshes"].keys() - rows["movies"].keys():
            del rows["movie_refreshes"][orphan]
        vars(self._database).update(rows)
        effects, self._effects = self._effects, []
        for effect in effects:
            effect()

    def after_commit(self, effect: Callable[[], None]) -> None:
        """Register `effect` for the commit."""
        self._effects.append(effect)
