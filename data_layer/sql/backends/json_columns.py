"""JSON serialization of the values of JSON columns."""

import orjson


def write_json(value: object) -> str:
    """Return the value as compact JSON."""
    return orjson.dumps(value).decode()


def read_json(text: str | bytes) -> object:
    """Return the value that the JSON text represents."""
    return orjson.loads(text)
