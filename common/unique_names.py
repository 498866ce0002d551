"""Names of JSON objects: a repeated one makes a document ambiguous, and parsers keep the last."""

import json
from collections.abc import Iterable
from typing import Any

import orjson

_ESCAPED_COLON = b"\\u003a"


class RepeatedName(ValueError):
    """A JSON object contains a name twice."""


def unique_names(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    """Return the names and values of an object; the `object_pairs_hook` of `json`.

    Raises:
        RepeatedName: A name occurs twice.
    """
    result: dict[str, Any] = {}
    for name, value in pairs:
        if name in result:
            raise RepeatedName
        result[name] = value
    return result


def require_unique_names(text: bytes, items: Iterable[object]) -> None:
    """Raise if an object in a text contains a name twice.

    Each name is followed by a colon, and all other colons are in strings. If the values that were
    parsed have as many colons as the text, no name was dropped. Otherwise `json` parses the text
    once more, at some ten times the cost.

    Args:
        text: Valid JSON.
        items: What `orjson` made of it: the value, or the items of an array.

    Raises:
        RepeatedName: A name occurs twice.
    """
    colons = sum(orjson.dumps(item).count(b":") for item in items)
    if colons != text.count(b":") or _ESCAPED_COLON in text.lower():
        json.loads(text, object_pairs_hook=unique_names)
