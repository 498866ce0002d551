"""Strict parser for untrusted JSON: ambiguous documents are rejected instead of interpreted."""

import json
import re
from typing import Any, NoReturn

from common.errors import InvalidInput, MalformedBody
from common.unique_names import RepeatedName, unique_names

DEPTH_MAX = 32

NAMES_MAX = 128
"""Largest number of names in one object; validation builds an error for each unknown one."""

_OPENING, _CLOSING = frozenset(b"[{"), frozenset(b"]}")
_NO_BRACKETS = bytes(set(range(256)) - _OPENING - _CLOSING)

_STRING = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?', re.DOTALL)
"""A string of JSON, or the unfinished one at the end, so that the search takes linear time."""


def parse_json(body: bytes) -> Any:  # noqa: ANN401 - Any JSON.
    """Return the value of a JSON body.

    Source: RFC 8259, and I-JSON (RFC 7493) for unique names.

    Raises:
        MalformedBody: the body is not JSON in UTF-8, contains NaN or Infinity, repeats a name in
            an object, or has more than `DEPTH_MAX` levels.
        InvalidInput: an object has more than `NAMES_MAX` names.
    """
    try:
        text = body.decode()
    except UnicodeDecodeError:
        raise MalformedBody("The body is not JSON in UTF-8.") from None
    _require_shallow(body)
    try:
        return json.loads(
            text, object_pairs_hook=_few_unique_names, parse_constant=_reject_constant
        )
    except RepeatedName:
        raise MalformedBody("The body has an object that contains a name twice.") from None
    except ValueError:  # Also raised for numbers with more digits than Python converts.
        raise MalformedBody("The body is not JSON in UTF-8.") from None


def _require_shallow(body: bytes) -> None:
    """Require at most `DEPTH_MAX` levels, before the recursive parser reads the body.

    Only a body with more opening brackets than levels is searched for the brackets outside of
    strings.
    """
    if body.count(b"[") + body.count(b"{") <= DEPTH_MAX:
        return
    depth = 0
    for byte in _STRING.sub(b"", body).translate(None, _NO_BRACKETS):
        depth += 1 if byte in _OPENING else -1
        if depth > DEPTH_MAX:
            raise MalformedBody(f"The body is nested more than {DEPTH_MAX} levels deep.")


def _few_unique_names(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(pairs) > NAMES_MAX:
        raise InvalidInput(f"An object has at most {NAMES_MAX} names.", field="body")
    return unique_names(pairs)


def _reject_constant(_name: str) -> NoReturn:
    raise MalformedBody("The body contains NaN or Infinity, which are not JSON.")
