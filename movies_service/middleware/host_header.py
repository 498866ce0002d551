"""The check that a request says, once, which host it is for.

Servers that read two of them differently can be played off against each other.

Source: RFC 9112, section 3.2, and RFC 3986, section 3.2.2.
"""

import functools
import re
from http import HTTPStatus

from starlette.types import ASGIApp, Receive, Scope, Send

from movies_service.http_semantics.problem_details import write_problem

HOST = b"host"
SEVERAL = b" "
"""Stands for more than one host, and is none."""

_HOST = re.compile(rb"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._~!$&'()*+,;=%-]+)(:[0-9]{0,5})?")
_HOSTS_KEPT = 1_000


@functools.lru_cache(_HOSTS_KEPT)
def is_host(value: bytes) -> bool:
    """Tell whether this names one host."""
    return _HOST.fullmatch(value) is not None


class OneHost:
    """Refuses requests that name no host, several, or nonsense; HTTP/1.0 need not name one.

    Args:
        app: what answers the others.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] == "http":
            hosts = [value for name, value in scope["headers"] if name == HOST]
            is_optional = scope["http_version"] == "1.0" and not hosts
            if not is_optional and not (len(hosts) == 1 and is_host(hosts[0])):
                await write_problem(
                    HTTPStatus.BAD_REQUEST, "malformed-request", "Send one Host header."
                )(scope, receive, send)
                return
        await self._app(scope, receive, send)
