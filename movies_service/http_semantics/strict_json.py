"""Strict parser for untrusted JSON: ambiguous documents are rejected instead of interpreted."""

import json
from typing import Any, NoReturn

from common.errors import MalformedBody
from common.unique_names import RepeatedName, unique_names

DEPTH_MAX = 32

_OPENING, _CLOSING = frozenset(b"[{"), frozenset(b"]}")


def parse_json(body: bytes) -> Any:  # noqa: ANN401 - Any JSON.
    """Return the value of a JSON body.

    Source: RFC 8259, and I-JSON (RFC 7493) for unique names.

    Raises:
        MalformedBody: the body is not JSON in UTF-8, contains NaN or Infinity, repeats a name in
            an object, or has more than `DEPTH_MAX` levels.
    """
    try:
        text = body.decode()
    except UnicodeDecodeError:
        raise MalformedBody("The body is not JSON in UTF-8.") from None
    _require_shallow(body)
    try:
        return json.loads(text, object_pairs_hook=unique_names, parse_constant=_reject_constant)
    except RepeatedName:
        raise MalformedBody("The body has an object that contains a name twice.") from None
    except ValueError:  # Also raised for numbers with more digits than Python converts.
        raise MalformedBody("The body is not JSON in UTF-8.") from None


def _require_shallow(body: bytes) -> None:
    """Require at most `DEPTH_MAX` levels, before the recursive parser reads the body.

    Brackets within strings count too: telling them apart would need a parser.
    """
    depth = 0
    for byte in body:
        if byte in _OPENING:
            depth += 1
            if depth > DEPTH_MAX:
                raise MalformedBody(f"The body is nested more than {DEPTH_MAX} levels deep.")
        elif byte in _CLOSING:
            depth -= 1


def _reject_constant(_name: str) -> NoReturn:
    raise MalformedBody("The body contains NaN or Infinity, which are not JSON.")
