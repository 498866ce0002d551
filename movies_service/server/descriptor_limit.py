"""Limit of the file descriptors that connections may take, so that databases and files get some.

When they run short, connections are closed to make room for new ones: one client can take them all,
and must not lock out the others.
"""

import resource
from collections import Counter
from collections.abc import Collection
from typing import Protocol

import structlog

from common.log_throttle import LogThrottle

_RESERVED = 1 / 8
"""Share of the file descriptors that connections leave for databases, pipes and files."""

_CLOSED = 1 / 16
"""Share of the closable connections that are closed at a time."""

DESCRIPTORS_MAX = int(resource.getrlimit(resource.RLIMIT_NOFILE)[0] * (1 - _RESERVED))
"""Number of the first file descriptor that no connection keeps."""

_log = structlog.get_logger(__name__)
_throttle = LogThrottle()


class ClosableConnection(Protocol):
    """Connection that can give way to another one."""

    @property
    def address(self) -> str:
        """Address of the client or proxy; empty for a local socket."""
        ...

    @property
    def idle_until(self) -> float | None:
        """Time on the loop's clock at which an idle connection is closed; None for a busy one."""
        ...

    def abort(self) -> None:
        """Close the connection at once, without sending what is buffered."""
        ...


def make_room(new: ClosableConnection, connections: Collection[ClosableConnection]) -> None:
    """Close idle connections, or else some of the client that has the most connections.

    Idle connections of that client are closed first, then those that are idle for longest. If it
    is the client of the new connection, and none is idle, the new one is closed.

    Args:
        new: Connection that was accepted last.
        connections: All connections, among them the new one.
    """
    if (repeated := _throttle.count("")) is not None:
        _log.warning("file_descriptors_exhausted", connections=len(connections), repeated=repeated)
    counts = Counter(each.address for each in connections)
    others = [each for each in connections if each is not new]
    idle = sorted(
        (-counts[each.address], until, id(each), each)
        for each in others
        if (until := each.idle_until) is not None
    )
    largest = max(counts.values())
    if idle:
        closed = [each for *_order, each in idle]
    elif counts[new.address] == largest:
        closed = [new]
    else:
        closed = [each for each in others if counts[each.address] == largest]
    for connection in closed[: 1 + int(len(closed) * _CLOSED)]:
        connection.abort()
