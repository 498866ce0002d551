"""The unit of work on SQLAlchemy: one session, one transaction."""

from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Any, Self

from sqlalchemy import Engine, PoolProxiedConnection
from sqlalchemy.orm import Session

from data_layer.sql.accounts.api_keys import SqlAlchemyApiKeyRepository
from data_layer.sql.accounts.audit import SqlAlchemyAuditRepository
from data_layer.sql.accounts.idempotency_records import SqlAlchemyKeptAnswerRepository
from data_layer.sql.accounts.sessions import SqlAlchemySessionRepository
from data_layer.sql.accounts.signing_keys import SqlAlchemySigningKeyRepository
from data_layer.sql.accounts.users import SqlAlchemyUserRepository
from data_layer.sql.catalogue.movie_queries import Row
from data_layer.sql.catalogue.movies import SqlAlchemyMovieRepository
from data_layer.sql.error_translation import not_connected, translate, translated_errors
from data_layer.sql.fetching.fetches import SqlAlchemyFetchRepository
from data_layer.sql.fetching.movie_refreshes import SqlAlchemyMovieCheckRepository
from data_layer.sql.fetching.seeds import SqlAlchemySeedRepository
from data_layer.sql.fetching.upstream_state import SqlAlchemyUpstreamRepository
from data_layer.sql.ingesting.import_checkpoints import SqlAlchemyImportPositionRepository
from data_layer.sql.ingesting.ingests import SqlAlchemyIngestRepository
from data_layer.sql.ingesting.update_watermarks import SqlAlchemyMovieMarkRepository

_HAS_SERVED = "movies_has_served"
"""What a connection's `info` holds when it has answered before."""


class SqlAlchemyUnitOfWork:
    """See `data_layer.ports.unit_of_work.UnitOfWork`.

    Args:
        engine: one of the database's `Engines`.
        is_read_only: lets reads of films go straight to the driver, each outside of a
            transaction: a page's total may already count a film that the page does not show.
        on_commit: is called after each commit, before the effects, with the films' revision.
    """

    def __init__(
        self,
        engine: Engine,
        *,
        is_read_only: bool = False,
        on_commit: Callable[[int], None] = lambda _revision: None,
    ) -> None:
        self._engine = engine
        self._is_read_only = is_read_only
        self._on_commit = on_commit
        self._effects: list[Callable[[], None]] = []
        self._movies: SqlAlchemyMovieRepository | None = None
        self._opened_session: Session | None = None
        self._opened_driver: PoolProxiedConnection | None = None

    @property
    def movies(self) -> SqlAlchemyMovieRepository:
        """The films."""
        if self._movies is None:
            run = self._run_on_driver if self._is_read_only else self._run_in_session
            self._movies = SqlAlchemyMovieRepository(self._session, run, self._engine.dialect)
        return self._movies

    @property
    def api_keys(self) -> SqlAlchemyApiKeyRepository:
        """The API keys."""
        return SqlAlchemyApiKeyRepository(self._session())

    @property
    def seeds(self) -> SqlAlchemySeedRepository:
        """The plan of the first films."""
        return SqlAlchemySeedRepository(self._session())

    @property
    def users(self) -> SqlAlchemyUserRepository:
        """The users who sign in."""
        return SqlAlchemyUserRepository(self._session())

    @property
    def sessions(self) -> SqlAlchemySessionRepository:
        """The sessions of users."""
        return SqlAlchemySessionRepository(self._session())

    @property
    def signing_keys(self) -> SqlAlchemySigningKeyRepository:
        """What tokens are signed with."""
        return SqlAlchemySigningKeyRepository(self._session())

    @property
    def audit(self) -> SqlAlchemyAuditRepository:
        """The record of who did what."""
        return SqlAlchemyAuditRepository(self._session())

    @property
    def kept_answers(self) -> SqlAlchemyKeptAnswerRepository:
        """The answers that are given again to the same request."""
        return SqlAlchemyKeptAnswerRepository(self._session())

    @property
    def fetches(self) -> SqlAlchemyFetchRepository:
        """The wishes to have films fetched."""
        return SqlAlchemyFetchRepository(self._session(), is_read_only=self._is_read_only)

    @property
    def movie_checks(self) -> SqlAlchemyMovieCheckRepository:
        """When films are looked at again."""
        return SqlAlchemyMovieCheckRepository(self._session())

    @property
    def movie_marks(self) -> SqlAlchemyMovieMarkRepository:
        """Since when what is known of films is true."""
        return SqlAlchemyMovieMarkRepository(self._session())

    @property
    def ingests(self) -> SqlAlchemyIngestRepository:
        """The objects with updates that were taken in."""
        return SqlAlchemyIngestRepository(self._session())

    @property
    def import_positions(self) -> SqlAlchemyImportPositionRepository:
        """How far large imports are."""
        return SqlAlchemyImportPositionRepository(self._session())

    @property
    def upstream(self) -> SqlAlchemyUpstreamRepository:
        """What all processes together know of the source."""
        return SqlAlchemyUpstreamRepository(self._session(), is_read_only=self._is_read_only)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._opened_driver is not None:
            self._opened_driver.close()
        if self._opened_session is not None:
            with translated_errors():
                self._opened_session.close()
                if error is not None:
                    raise error

    def commit(self) -> None:
        """Commit, then run the effects in the order in which they were given."""
        with translated_errors():
            revision = self.movies.revision()
            self._session().commit()
        self._movies = None  # It has learned what others may change from now on.
        self._on_commit(revision)
        effects, self._effects = self._effects, []
        for effect in effects:
            effect()

    def after_commit(self, effect: Callable[[], None]) -> None:
        """Keep `effect` for the commit."""
        self._effects.append(effect)

    def _session(self) -> Session:
        """Return the session; most reads need none, and it costs more than they do."""
        if self._opened_session is None:
            self._opened_session = Session(self._engine)
        return self._opened_session

    def _run_in_session(self, text: str, parameters: tuple[Any, ...]) -> Sequence[Row]:
        return self._session().connection().exec_driver_sql(text, parameters).all()

    def _run_on_driver(self, text: str, parameters: tuple[Any, ...]) -> Sequence[Row]:
        """Read; where a kept connection turns out to be lost, again on another one."""
        while True:
            connection = self._open_driver()
            try:
                cursor = connection.cursor()
                cursor.execute(text, parameters)
                rows: Sequence[Row] = cursor.fetchall()
            except self._engine.dialect.loaded_dbapi.Error as error:
                if not self._drop_if_lost(connection, error):
                    if (translated := translate(error)) is None:
                        raise
                    raise translated from error
            else:
                connection.info[_HAS_SERVED] = True
                return rows

    def _open_driver(self) -> PoolProxiedConnection:
        if self._opened_driver is None:
            try:
                with translated_errors():
                    self._opened_driver = self._engine.raw_connection()
            except self._engine.dialect.loaded_dbapi.Error as error:
                raise not_connected(error) from error
        return self._opened_driver

    def _drop_if_lost(self, connection: PoolProxiedConnection, error: Any) -> bool:  # noqa: ANN401 - Of a driver.
        """Tell whether the connection had served before and is lost now."""
        has_served = _HAS_SERVED in connection.info
        if not self._engine.dialect.is_disconnect(error, connection, None):
            return False
        connection.invalidate(error)
        self._opened_driver = None
        return has_served
