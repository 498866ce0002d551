"""What the surroundings of the app tell it of a request."""

from starlette.types import Scope

_IS_HEAD = "movies_is_head"


def as_get(scope: Scope) -> Scope:
    """Return the scope of a HEAD as that of a GET, which can still be told apart."""
    return {**scope, "method": "GET", _IS_HEAD: True}


def is_head(scope: Scope) -> bool:
    """Tell whether only the head of the answer is wanted."""
    return bool(scope.get(_IS_HEAD, False))
