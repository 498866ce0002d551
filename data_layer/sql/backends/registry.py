"""Registry of the backends by URL scheme and dialect."""

from sqlalchemy import Connection, Table
from sqlalchemy.engine import make_url

from data_layer.sql.backends.backend import Backend
from data_layer.sql.backends.mariadb import MariaDb
from data_layer.sql.backends.postgresql import PostgreSql
from data_layer.sql.backends.sqlite import Sqlite

_BACKENDS: dict[str, Backend] = {
    "sqlite": Sqlite(),
    "postgresql": PostgreSql(),
    "mysql": MariaDb(),
    "mariadb": MariaDb(),
}


def backend_for(url: str) -> Backend:
    """Return the backend for a URL; the settings reject URLs of other databases."""
    return _BACKENDS[make_url(url).get_backend_name()]


def allocate_ids(connection: Connection, table: Table, count: int) -> range:
    """Allocate ids for new rows of the table; see `Backend.allocate_ids`."""
    return _BACKENDS[connection.dialect.name].allocate_ids(connection, table, count)
