"""Messages that notify workers of a new fetch job."""

import json

from common.errors import InvalidInput

ID_MAX = 2**63 - 1
"""Largest id that the database can store."""


def render_message(fetch_id: int) -> bytes:
    """Return the JSON message for a fetch."""
    return json.dumps({"fetch_id": fetch_id}).encode()


def parse_message(data: bytes) -> int | None:
    """Return the id of the fetch in a message; None means all fetches that are due.

    Raises:
        InvalidInput: The message is invalid.
    """
    try:
        document = json.loads(data)
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict) or document.keys() - {"fetch_id"}:
        raise InvalidInput('A message must be {"fetch_id": 7}, or {} for all fetches that are due.')
    fetch_id = document.get("fetch_id")
    is_id = isinstance(fetch_id, int) and not isinstance(fetch_id, bool)
    if fetch_id is not None and not (is_id and 0 < fetch_id <= ID_MAX):
        raise InvalidInput("fetch_id must be the id of a fetch: an integer from 1 to 2^63-1.")
    return fetch_id
