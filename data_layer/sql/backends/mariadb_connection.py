"""Connection of PyMySQL with two limits that the driver lacks."""

import socket

from pymysql.connections import Connection
from pymysql.err import OperationalError

from data_layer.sql.backends.server_engines import (
    KEEPALIVE_IDLE_SECONDS,
    KEEPALIVE_INTERVAL_SECONDS,
    KEEPALIVE_PROBES,
    VANISHED_SECONDS,
)
from data_layer.sql.error_translation import PACKET_TOO_LARGE

_TCP_OPTIONS = {
    getattr(socket, name): value
    for name, value in {
        "TCP_KEEPIDLE": KEEPALIVE_IDLE_SECONDS,
        "TCP_KEEPINTVL": KEEPALIVE_INTERVAL_SECONDS,
        "TCP_KEEPCNT": KEEPALIVE_PROBES,
        "TCP_USER_TIMEOUT": 1000 * VANISHED_SECONDS,
    }.items()
    if hasattr(socket, name)
}
"""Options of the socket, as far as the operating system has them."""


class MariaDbConnection(Connection):
    """Connection that rejects long statements, and notices that the server's host vanished.

    The server closes the connection on a statement longer than `max_allowed_packet`, which would
    look like an outage.
    """

    _sock: socket.socket

    def connect(self, sock: socket.socket | None = None) -> None:
        """Connect, and read the limit of the server."""
        self._statement_max_bytes = float("inf")
        super().connect(sock)
        is_tcp = self._sock.family != socket.AF_UNIX
        for option, value in (_TCP_OPTIONS if is_tcp else {}).items():
            self._sock.setsockopt(socket.IPPROTO_TCP, option, value)
        with self.cursor() as cursor:
            cursor.execute("SELECT @@max_allowed_packet")
            ((self._statement_max_bytes,),) = cursor.fetchall()

    def query(self, sql: str | bytes, unbuffered: bool = False) -> int:  # noqa: FBT001, FBT002 - The driver's signature.
        """Execute a statement, unless the server would not accept its length.

        Raises:
            OperationalError: The statement is too long; nothing was sent.
        """
        if isinstance(sql, str):
            sql = sql.encode(self.encoding)
        if len(sql) >= self._statement_max_bytes:
            raise OperationalError(PACKET_TOO_LARGE, "Statement longer than max_allowed_packet")
        return super().query(sql, unbuffered)
