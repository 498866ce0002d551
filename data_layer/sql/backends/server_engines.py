"""Engines of a database server, the same for all but what a driver calls things."""

from typing import Any

from sqlalchemy import URL, Engine, create_engine

from data_layer.sql.backends.backend import Engines
from data_layer.sql.backends.json_columns import write_json
from data_layer.sql.backends.one_writer import let_write_one_by_one

CONNECT_TIMEOUT_SECONDS = 5
STATEMENT_TIMEOUT_SECONDS = 10
"""A statement that takes longer is given up."""

POOL_SIZE = 10
"""Connections that are kept open, of readers and of writers each; as many more come and go."""

POOL_RECYCLE_SECONDS = 3600
"""MariaDB closes connections that were idle for eight hours, firewalls sooner."""


def open_server(url: URL, connect_args: dict[str, Any]) -> Engines:
    """Return engines on a server.

    Args:
        url: with the driver in it.
        connect_args: for the driver.
    """

    def open_with(isolation_level: str) -> Engine:
        return create_engine(
            url,
            isolation_level=isolation_level,
            connect_args={"connect_timeout": CONNECT_TIMEOUT_SECONDS, **connect_args},
            json_serializer=write_json,
            paramstyle="format",
            pool_pre_ping=True,
            pool_recycle=POOL_RECYCLE_SECONDS,
            pool_size=POOL_SIZE,
        )

    writing = open_with("READ COMMITTED")
    let_write_one_by_one(writing)
    return Engines(open_with("AUTOCOMMIT"), writing)
