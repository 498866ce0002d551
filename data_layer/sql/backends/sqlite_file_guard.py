"""Guard against a SQLite file that is deleted or replaced while it is open.

The operating system keeps a deleted file until its last user closes it, so that SQLite would go on
writing to a file that cannot be opened again.
"""

from pathlib import Path

from sqlalchemy import Connection, Engine, event

from common.errors import DatabaseUnavailable

_Identity = tuple[int, int] | None
"""Device and inode of a file; None if there is none."""


class SqliteFileGuard:
    """Guard that rejects commits and new connections once the path has another file.

    Args:
        path: Path of the file; the first connection determines its identity.
        writes: Execution option of connections that may write.
    """

    def __init__(self, path: Path, writes: str) -> None:
        self._path = path
        self._writes = writes
        self._opened: _Identity = None

    def attach(self, engine: Engine) -> None:
        """Guard all connections of an engine."""
        event.listen(engine, "do_connect", self._before_connect)
        event.listen(engine, "connect", self._after_connect)
        event.listen(engine, "commit", self._before_commit)

    def _before_connect(self, *_arguments: object) -> None:
        self._require_same_file()  # Connecting to a missing file would create an empty one.

    def _after_connect(self, *_arguments: object) -> None:
        self._opened = self._opened or _identity_of(self._path)

    def _before_commit(self, connection: Connection) -> None:
        if connection.get_execution_options().get(self._writes):
            try:
                self._require_same_file()
            except DatabaseUnavailable:
                connection.exec_driver_sql("ROLLBACK")  # SQLAlchemy takes it for committed.
                raise

    def _require_same_file(self) -> None:
        if self._opened is not None and _identity_of(self._path) != self._opened:
            raise DatabaseUnavailable(
                "The database file was deleted or replaced while the service was running: nothing"
                " was stored. Stop the service, put the right file in place, and start the service"
                " again."
            )


def _identity_of(path: Path) -> _Identity:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino
