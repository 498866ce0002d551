"""The unit of work on SQLAlchemy: one session, one transaction."""

from collections.abc import Callable
from types import TracebackType
from typing import Self

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from data_layer.sql.api_keys import SqlAlchemyApiKeyRepository
from data_layer.sql.engine import WRITES
from data_layer.sql.movies import SqlAlchemyMovieRepository
from data_layer.sql.seeds import SqlAlchemySeedRepository
from data_layer.sql.translation import translated_errors


class SqlAlchemyUnitOfWork:
    """See `data_layer.ports.unit_of_work.UnitOfWork`."""

    def __init__(self, engine: Engine, *, is_read_only: bool = False) -> None:
        self._session = Session(engine.execution_options(**{WRITES: not is_read_only}))
        self._effects: list[Callable[[], None]] = []
        self.movies = SqlAlchemyMovieRepository(self._session)
        self.api_keys = SqlAlchemyApiKeyRepository(self._session)
        self.seeds = SqlAlchemySeedRepository(self._session)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        with translated_errors():
            self._session.close()
            if error is not None:
                raise error

    def commit(self) -> None:
        """Commit, then run the effects in the order in which they were given."""
        with translated_errors():
            self._session.commit()
        effects, self._effects = self._effects, []
        for effect in effects:
            effect()

    def after_commit(self, effect: Callable[[], None]) -> None:
        """Keep `effect` for the commit."""
        self._effects.append(effect)
