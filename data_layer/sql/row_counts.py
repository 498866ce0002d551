"""What an UPDATE or a DELETE has reached."""

from typing import Any, cast

from sqlalchemy import CursorResult, Result

from common.errors import NotFound


def require_change(result: Result[Any], message: str) -> None:
    """Raise `NotFound` with `message` where the statement reached no row."""
    if cast("CursorResult[Any]", result).rowcount == 0:
        raise NotFound(message)
