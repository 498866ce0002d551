"""Engines of a database server, the same for all but what a driver calls things."""

from typing import Any

from sqlalchemy import URL, Engine, create_engine

from data_layer.database_options import DatabaseOptions
from data_layer.sql.backends.backend import Engines
from data_layer.sql.backends.json_columns import read_json, write_json
from data_layer.sql.backends.write_serialization import let_write_one_by_one

LOCKS_AT_ONCE = 2
"""Connections beyond the pool: for locks, which live outside of transactions."""

POOL_RECYCLE_SECONDS = 3600
"""MariaDB closes connections that were idle for eight hours, firewalls sooner."""


def open_server(url: URL, connect_args: dict[str, Any], options: DatabaseOptions) -> Engines:
    """Return engines on a server.

    Those that read find out by reading whether a kept connection still lives, and repeat what
    they read; a transaction can't be repeated here, so those that write ask before each one.

    Args:
        url: with the driver in it.
        connect_args: for the driver.
        options: of the operator.
    """

    def open_with(isolation: str, *, asks_first: bool) -> Engine:
        return create_engine(
            url,
            isolation_level=isolation.upper(),
            connect_args={"connect_timeout": options.connect_timeout_seconds, **connect_args},
            json_serializer=write_json,
            json_deserializer=read_json,
            paramstyle="format",
            pool_pre_ping=asks_first,
            pool_recycle=POOL_RECYCLE_SECONDS,
            pool_size=options.pool_size,
            max_overflow=LOCKS_AT_ONCE,
            pool_timeout=options.connect_timeout_seconds,
        )

    writing = open_with(options.isolation, asks_first=True)
    let_write_one_by_one(writing)
    return Engines(open_with("autocommit", asks_first=False), writing)
