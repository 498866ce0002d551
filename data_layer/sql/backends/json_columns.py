"""How values are written into columns of JSON."""

import orjson


def write_json(value: object) -> str:
    """Return the value as compact JSON."""
    return orjson.dumps(value).decode()
