"""Validation of headers that a request has at most once: one valid Host, no second Origin.

Proxies, caches and servers that choose different ones of several values can be attacked.

Source: RFC 9110, section 5.3; RFC 9112, section 3.2; RFC 3986, section 3.2.2.
"""

import functools
import re
from http import HTTPStatus

from starlette.types import ASGIApp, Receive, Scope, Send

from movies_service.http_semantics.problem_details import build_problem_response

HOST = b"host"
_HOSTS_MEMOIZED = 64
"""Few, since a client may send any host of up to the size of its headers."""
_SINGLE = frozenset({HOST, b"origin", b"authorization", b"content-type", b"content-length"})
_HOST = re.compile(rb"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._~!$&'()*+,;=%-]+)(:[0-9]{0,5})?")


@functools.lru_cache(_HOSTS_MEMOIZED)
def is_host(value: bytes) -> bool:
    """Return whether the value of a Host header is valid."""
    return _HOST.fullmatch(value) is not None


class SingleHeadersMiddleware:
    """Middleware that rejects repeated single headers and a missing or invalid Host with a 400.

    HTTP/1.0 requests may omit the Host header.

    Args:
        app: the wrapped app.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] == "http" and (fault := _find_fault(scope)):
            response = build_problem_response(HTTPStatus.BAD_REQUEST, "malformed-request", fault)
            await response(scope, receive, send)
            return
        await self._app(scope, receive, send)


def _find_fault(scope: Scope) -> str:
    """Return what is wrong with the headers of a request; empty if nothing is."""
    values: dict[bytes, bytes] = {}
    for name, value in scope["headers"]:
        if name in _SINGLE:
            if name in values:
                return f"Send one {name.decode().title()} header."
            values[name] = value
    if HOST not in values and scope["http_version"] == "1.0":
        return ""
    return "" if is_host(values.get(HOST, b"")) else "Send one valid Host header."
