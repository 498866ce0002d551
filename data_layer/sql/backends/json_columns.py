"""How values are written into columns of JSON, and read from them."""

import orjson


def write_json(value: object) -> str:
    """Return the value as compact JSON."""
    return orjson.dumps(value).decode()


def read_json(text: str | bytes) -> object:
    """Return the value that is written there."""
    return orjson.loads(text)
