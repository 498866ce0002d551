"""Guard against a SQLite file that is deleted or replaced while it is open.

The operating system keeps a deleted file until its last user closes it, so that SQLite would go on
writing to a file that cannot be opened again.
"""

from pathlib import Path

from sqlalchemy import Connection, Engine, event

from common.errors import DatabaseUnavailable

_Identity = tuple[int, int] | None
"""Device and inode of a file; None if there is none."""

_LOG_FILE = "movies_log_file"
"""Key in the `info` of a connection for the identity of the write-ahead log, which exists as long
as a connection is open."""


class SqliteFileGuard:
    """Guard that rejects commits and new connections once the path has another file.

    Args:
        path: Path of the file; the first connection determines its identity.
        writes: Execution option of connections that may write.
    """

    def __init__(self, path: Path, writes: str) -> None:
        self._path = path
        self._log_path = path.with_name(f"{path.name}-wal")
        self._writes = writes
        self._opened: _Identity = None

    def attach(self, engine: Engine) -> None:
        """Guard all connections of an engine."""
        event.listen(engine, "do_connect", self._before_connect)
        event.listen(engine, "connect", self._after_connect)
        event.listen(engine, "begin", self._after_begin)
        event.listen(engine, "commit", self._before_commit)

    def _before_connect(self, *_arguments: object) -> None:
        self._require_same_file()  # Connecting to a missing file would create an empty one.

    def _after_connect(self, *_arguments: object) -> None:
        self._opened = self._opened or _identity_of(self._path)

    def _after_begin(self, connection: Connection) -> None:
        if self._is_writing(connection) and connection.info.get(_LOG_FILE) is None:
            connection.info[_LOG_FILE] = _identity_of(self._log_path)

    def _before_commit(self, connection: Connection) -> None:
        if self._is_writing(connection):
            try:
                self._require_same_file()
                _require_same(self._log_path, connection.info[_LOG_FILE])
            except DatabaseUnavailable:
                connection.exec_driver_sql("ROLLBACK")  # SQLAlchemy takes it for committed.
                raise

    def _is_writing(self, connection: Connection) -> bool:
        return bool(connection.get_execution_options().get(self._writes))

    def _require_same_file(self) -> None:
        _require_same(self._path, self._opened)


def _require_same(path: Path, opened: _Identity) -> None:
    if opened is not None and _identity_of(path) != opened:
        raise DatabaseUnavailable(
            "The database file or its -wal file was deleted or replaced while the service was"
            " running: nothing was stored. Stop the service, put the right files in place, and"
            " start the service again."
        )


def _identity_of(path: Path) -> _Identity:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino
