"""Which database a URL means."""

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


def backend_of(url: str) -> Backend:
    """Return the kind of database that a URL names; settings let only these pass."""
    return _BACKENDS[make_url(url).get_backend_name()]


def take_ids(connection: Connection, table: Table, count: int) -> range:
    """Return ids for so many new rows, which nobody else gets; see `Backend.take_ids`."""
    return _BACKENDS[connection.dialect.name].take_ids(connection, table, count)
