"""Flags in the ASGI scope that the middleware sets for the app."""

from starlette.types import Scope

_IS_HEAD = "movies_is_head"


def as_get(scope: Scope) -> Scope:
    """Return a copy of a HEAD scope with the method GET, marked for `is_head`."""
    return {**scope, "method": "GET", _IS_HEAD: True}


def is_head(scope: Scope) -> bool:
    """Tell whether the request is a HEAD, so that the body of the response is discarded."""
    return bool(scope.get(_IS_HEAD, False))
