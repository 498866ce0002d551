"""The message that a wish is there to be looked at."""

import json

from common.errors import InvalidInput

ID_MAX = 2**63 - 1


def write_announcement(fetch_id: int) -> bytes:
    """Return the message about the wish with this id."""
    return json.dumps({"fetch_id": fetch_id}).encode()


def read_announcement(data: bytes) -> int | None:
    """Return the id of the wish that a message is about; `None` for all that are due.

    Raises:
        InvalidInput: it is no such message.
    """
    try:
        document = json.loads(data)
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict) or document.keys() - {"fetch_id"}:
        raise InvalidInput('A message is {"fetch_id": 7}, or {} for all that is due.')
    fetch_id = document.get("fetch_id")
    is_id = isinstance(fetch_id, int) and not isinstance(fetch_id, bool)
    if fetch_id is not None and not (is_id and 0 < fetch_id <= ID_MAX):
        raise InvalidInput("fetch_id is the number of a fetch.")
    return fetch_id
