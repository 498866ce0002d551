"""SQLAlchemy engines of a database server, shared by PostgreSQL and MariaDB."""

from typing import Any

from sqlalchemy import URL, Engine, create_engine

from data_layer.database_options import DatabaseOptions
from data_layer.sql.backends.backend import Engines
from data_layer.sql.backends.json_columns import read_json, write_json
from data_layer.sql.backends.write_serialization import serialize_writers

LOCKS_AT_ONCE = 2
"""Connections beyond the pool size, for locks, which are held outside transactions."""

POOL_RECYCLE_SECONDS = 3600
"""Maximum age of a connection. MariaDB closes connections idle for 8 hours, firewalls earlier."""

KEEPALIVE_IDLE_SECONDS, KEEPALIVE_INTERVAL_SECONDS, KEEPALIVE_PROBES = 10, 5, 3
"""TCP keepalive of connections; operating systems begin with it after two hours."""

VANISHED_SECONDS = KEEPALIVE_IDLE_SECONDS + KEEPALIVE_INTERVAL_SECONDS * KEEPALIVE_PROBES
"""Time after which a connection to a host that vanished is closed, on either side."""


def open_server(url: URL, connect_args: dict[str, Any], options: DatabaseOptions) -> Engines:
    """Return engines on a server.

    A read on a lost connection is retried on another one. A transaction cannot be retried here,
    so that the writing engine tests each pooled connection before use.

    Args:
        url: URL including the driver.
        connect_args: Arguments for the driver's connect function.
        options: Pool size, timeouts and isolation level.
    """

    def open_with(isolation: str, *, pings_first: bool) -> Engine:
        return create_engine(
            url,
            isolation_level=isolation.upper(),
            connect_args={"connect_timeout": options.connect_timeout_seconds, **connect_args},
            json_serializer=write_json,
            json_deserializer=read_json,
            paramstyle="format",
            pool_pre_ping=pings_first,
            pool_recycle=POOL_RECYCLE_SECONDS,
            pool_size=options.pool_size,
            max_overflow=LOCKS_AT_ONCE,
            pool_timeout=options.connect_timeout_seconds,
        )

    writing = open_with(options.isolation, pings_first=True)
    serialize_writers(writing)
    return Engines(open_with("autocommit", pings_first=False), writing)
