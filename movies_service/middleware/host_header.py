"""Host header validation: a request has exactly one valid Host header.

Proxies and servers that choose different ones of several Host headers can be attacked.

Source: RFC 9112, section 3.2, and RFC 3986, section 3.2.2.
"""

import functools
import re
from http import HTTPStatus

from starlette.types import ASGIApp, Receive, Scope, Send

from movies_service.http_semantics.problem_details import build_problem_response

HOST = b"host"
SEVERAL = b" "
"""Replaces several Host headers; it is not a valid host."""

_HOST = re.compile(rb"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._~!$&'()*+,;=%-]+)(:[0-9]{0,5})?")
_MEMOIZED_MAX = 1_000


@functools.lru_cache(_MEMOIZED_MAX)
def is_host(value: bytes) -> bool:
    """Return whether the value of a Host header is valid."""
    return _HOST.fullmatch(value) is not None


class HostHeaderMiddleware:
    """Middleware that rejects missing, repeated and invalid Host headers with a 400.

    HTTP/1.0 requests may omit the header.

    Args:
        app: the wrapped app.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] == "http":
            hosts = [value for name, value in scope["headers"] if name == HOST]
            is_optional = scope["http_version"] == "1.0" and not hosts
            if not is_optional and not (len(hosts) == 1 and is_host(hosts[0])):
                await build_problem_response(
                    HTTPStatus.BAD_REQUEST, "malformed-request", "Send one Host header."
                )(scope, receive, send)
                return
        await self._app(scope, receive, send)
