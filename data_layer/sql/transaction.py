"""Transaction of a unit of work, and the connections that execute its statements."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Engine, PoolProxiedConnection
from sqlalchemy.orm import Session

from data_layer.sql.error_translation import not_connected, translate, translated_errors

Row = Sequence[Any]

_HAS_SERVED = "movies_has_served"
"""Key in the `info` of a connection that has executed a statement before."""


class Transaction:
    """Session of a unit of work, and the driver connection of its plain reads.

    Args:
        engine: One of the database's `Engines`.
        is_read_only: Whether nothing is written. Statements of `run` then bypass SQLAlchemy and
            the session's transaction.
    """

    def __init__(self, engine: Engine, *, is_read_only: bool) -> None:
        self.dialect = engine.dialect
        self.is_read_only = is_read_only
        self._engine = engine
        self._opened_session: Session | None = None
        self._opened_driver: PoolProxiedConnection | None = None

    @property
    def session(self) -> Session:
        """The session. It is created on demand, since it costs more than most reads."""
        if self._opened_session is None:
            self._opened_session = Session(self._engine)
        return self._opened_session

    def run(self, text: str, parameters: tuple[Any, ...]) -> Sequence[Row]:
        """Execute a query; without SQLAlchemy, and again on a lost connection, if read-only."""
        if not self.is_read_only:
            return self.session.connection().exec_driver_sql(text, parameters).all()
        while True:
            connection = self._open_driver()
            try:
                cursor = connection.cursor()
                cursor.execute(text, parameters)
                rows: Sequence[Row] = cursor.fetchall()
            except self.dialect.loaded_dbapi.Error as error:
                if not self._drop_if_lost(connection, error):
                    if (translated := translate(error)) is None:
                        raise
                    raise translated from error
            else:
                connection.info[_HAS_SERVED] = True
                return rows

    def close(self, error: BaseException | None) -> None:
        """Return the connections to their pool; raise the `error` of the session, translated."""
        if self._opened_driver is not None:
            self._opened_driver.close()
        if self._opened_session is not None:
            with translated_errors():
                self._opened_session.close()
                if error is not None:
                    raise error

    def _open_driver(self) -> PoolProxiedConnection:
        if self._opened_driver is None:
            try:
                with translated_errors():
                    self._opened_driver = self._engine.raw_connection()
            except self.dialect.loaded_dbapi.Error as error:
                raise not_connected(error) from error
        return self._opened_driver

    def _drop_if_lost(self, connection: PoolProxiedConnection, error: Any) -> bool:  # noqa: ANN401 - The driver is only known at run time.
        """Drop a lost connection; return whether it had executed a statement before.

        A connection that never worked is not retried: the next one would fail too.
        """
        has_served = _HAS_SERVED in connection.info
        if not self.dialect.is_disconnect(error, connection, None):
            return False
        connection.invalidate(error)
        self._opened_driver = None
        return has_served
