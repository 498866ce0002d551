"""JSON as it comes from strangers: what is ambiguous is refused instead of guessed."""

import json
from collections.abc import Iterable
from typing import Any, NoReturn

from common.errors import MalformedBody

DEPTH_MAX = 32

_OPENING, _CLOSING = frozenset(b"[{"), frozenset(b"]}")


def parse_json(body: bytes) -> Any:  # noqa: ANN401 - Any JSON.
    """Return what a body says.

    Source: RFC 8259; I-JSON (RFC 7493) in that names are unique.

    Raises:
        MalformedBody: it is no JSON in UTF-8, has NaN or Infinity, a name twice in one object, or
            more than `DEPTH_MAX` levels.
    """
    try:
        text = body.decode()
    except UnicodeDecodeError:
        raise MalformedBody("The body is not JSON in UTF-8.") from None
    _require_shallow(body)
    try:
        return json.loads(text, object_pairs_hook=_unique, parse_constant=_refuse_constant)
    except ValueError:  # Numbers of thousands of digits are none that Python reads.
        raise MalformedBody("The body is not JSON in UTF-8.") from None


def _require_shallow(body: bytes) -> None:
    """Count brackets, also those in texts, which makes a text of brackets deep."""
    depth = 0
    for byte in body:
        if byte in _OPENING:
            depth += 1
            if depth > DEPTH_MAX:
                raise MalformedBody(f"The body has more than {DEPTH_MAX} levels.")
        elif byte in _CLOSING:
            depth -= 1


def _unique(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for name, value in pairs:
        if name in result:
            raise MalformedBody("The body has an object with one name twice.")
        result[name] = value
    return result


def _refuse_constant(_name: str) -> NoReturn:
    raise MalformedBody("The body has NaN or Infinity, which JSON does not have.")
