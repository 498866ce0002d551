"""Unit of work on SQLAlchemy: one session with one transaction."""

from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

from sqlalchemy import Engine

from data_layer.ports.implementations import find_repositories
from data_layer.ports.unit_of_work import UnitOfWork
from data_layer.sql.error_translation import translated_errors
from data_layer.sql.transaction import Transaction


class SqlAlchemyUnitOfWork(UnitOfWork):
    """SQL implementation of the unit of work; each repository is created at its first use.

    Args:
        engine: One of the database's `Engines`.
        is_read_only: Whether nothing is written. Reads of movies then bypass SQLAlchemy and its
            transaction, so that a page's total may include a movie that the page does not show.
        on_commit: Callback after each commit and before the effects, with the catalogue revision.
        on_error: Callback with each error that ends the unit, translated.
    """

    def __init__(
        self,
        engine: Engine,
        *,
        is_read_only: bool = False,
        on_commit: Callable[[int], None] = lambda _revision: None,
        on_error: Callable[[BaseException], None] = lambda _error: None,
    ) -> None:
        self.transaction = Transaction(engine, is_read_only=is_read_only)
        self._on_commit = on_commit
        self._on_error = on_error
        self._effects: list[Callable[[], None]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            self.transaction.close(error)
        except Exception as translated:
            self._on_error(translated)
            raise
        if error is not None:
            self._on_error(error)

    def commit(self) -> None:
        """Commit, then run the effects in the order of registration.

        Raises:
            Conflict: A constraint was violated by a concurrent write.
            DatabaseUnavailable: The database failed; no effect ran.
        """
        with translated_errors():
            revision = self.movies.revision()
            self.transaction.session.commit()
        del self.movies  # Other transactions may now change the ids it has cached.
        self._on_commit(revision)
        effects, self._effects = self._effects, []
        for effect in effects:
            effect()

    def after_commit(self, effect: Callable[[], None]) -> None:
        """Register `effect` to run after the commit."""
        self._effects.append(effect)


class _CreatedOnFirstUse:
    """Attribute of the unit of work that creates its repository and then replaces itself by it."""

    def __init__(self, name: str, repository: Callable[[Transaction], Any]) -> None:
        self._name = name
        self._repository = repository
        self.__doc__ = repository.__doc__

    def __get__(self, uow: SqlAlchemyUnitOfWork, _kind: type) -> object:
        repository = self._repository(uow.transaction)
        setattr(uow, self._name, repository)
        return repository


for _name, _repository in find_repositories("data_layer.sql").items():
    setattr(SqlAlchemyUnitOfWork, _name, _CreatedOnFirstUse(_name, _repository))
