"""Words for invalid values: what is wrong, and an example of a right one."""

import difflib
import re
from collections.abc import Collection, Mapping
from contextlib import suppress
from typing import Any

_EXAMPLES: dict[str, str] = {}
"""A matching text for each pattern that was declared with one."""

_WHOLE_NUMBER = "it must be a whole number, such as 1979"
_DATE = "it must be a date, such as 1979-05-25"
_TIME = "it must be a time with its offset from UTC, such as 2026-12-31T23:00:00Z"
_OBJECT = 'it must be a JSON object, such as {{"title": "Alien"}}'
_WORDS = {
    "missing": "it is required",
    "string_type": "it must be a text",
    "string_too_short": "it must have at least {min_length} characters",
    "string_too_long": "it must have at most {max_length} characters",
    "int_type": _WHOLE_NUMBER,
    "int_parsing": _WHOLE_NUMBER,
    "int_from_float": _WHOLE_NUMBER,
    "greater_than_equal": "it must be at least {ge}",
    "less_than_equal": "it must be at most {le}",
    "list_type": 'it must be a JSON array, such as ["Alien"]',
    "tuple_type": 'it must be a JSON array, such as ["Alien"]',
    "too_short": "it must have at least {min_length} items",
    "too_long": "it must have at most {max_length} items",
    "literal_error": "it must be {expected}",
    "enum": "it must be {expected}",
    "date_type": _DATE,
    "date_parsing": _DATE,
    "date_from_datetime_parsing": _DATE,
    "datetime_type": _TIME,
    "datetime_parsing": _TIME,
    "datetime_from_date_parsing": _TIME,
    "timezone_aware": _TIME,
    "model_type": _OBJECT,
    "model_attributes_type": _OBJECT,
    "dict_type": _OBJECT,
    "dataclass_type": _OBJECT,
    "ip_v4_network": "it must be addresses or networks, such as 10.0.0.0/8",
    "ip_v6_network": "it must be addresses or networks, such as 10.0.0.0/8",
}
"""Words by Pydantic's type of an error; its context fills in the limits."""

_MEANINGS = {
    **dict.fromkeys(("q", "query", "search", "name"), ("title", "movies")),
    **dict.fromkeys(("actor", "actors", "starring"), ("cast",)),
    **dict.fromkeys(("order", "order_by", "sort_by"), ("sort",)),
    **dict.fromkeys(("per_page", "page_size", "size", "count"), ("limit",)),
    **dict.fromkeys(("offset", "skip"), ("page",)),
    **dict.fromkeys(("id", "imdb"), ("imdb_id",)),
    **dict.fromkeys(("runtime", "duration"), ("runtime_minutes",)),
    **dict.fromkeys(("user", "login", "email"), ("username",)),
}
"""Names with the same meaning, the more likely one first."""

_PLAIN_NAME = re.compile(r"[a-z_][a-z0-9_-]{0,39}")
_SIMILARITY_MIN = 0.6


def pattern_with(example: str, pattern: str) -> str:
    """Return the pattern of a field, of which the example is named if a value does not match."""
    _EXAMPLES[pattern] = example
    return pattern


def describe_invalid(detail: Mapping[str, Any]) -> str:
    """Return what is wrong with a value, from an error of Pydantic, without the value.

    The sentence has no capital and no full stop.
    """
    kind, context = detail["type"], detail.get("ctx") or {}
    if kind == "string_pattern_mismatch" and (example := _EXAMPLES.get(context.get("pattern", ""))):
        return f"it has another form than expected: write, for example, {example}"
    if kind in {"string_too_short", "too_short"} and context.get("min_length") == 1:
        return "it is empty"
    with suppress(KeyError):  # No words for this type, or an error without a context.
        return _WORDS[kind].format_map(context)
    message = str(detail["msg"]).removeprefix("Value error, ").rstrip(".")
    return message[:1].lower() + message[1:]


def describe_unknown(name: str, known: Collection[str]) -> str:
    """Return that a name is unknown, the known one that was probably meant, and all known ones.

    The name, which is input, is repeated only if a known one has a similar form or meaning.
    """
    meant = _meant(name.lower(), known)
    words = f"{name} is unknown; did you mean {meant}?" if meant else "its name is unknown."
    return f"{words} Accepted are: {', '.join(known)}" if known else words.rstrip(".")


def _meant(name: str, known: Collection[str]) -> str | None:
    if not _PLAIN_NAME.fullmatch(name):
        return None
    for meaning in _MEANINGS.get(name, ()):
        if meaning in known:
            return meaning
    close = difflib.get_close_matches(name, known, n=1, cutoff=_SIMILARITY_MIN)
    return close[0] if close else None
