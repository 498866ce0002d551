"""Checks on the number of rows that a statement changed."""

from typing import Any, cast

from sqlalchemy import CursorResult, Result

from common.errors import NotFound


def require_change(result: Result[Any], message: str) -> None:
    """Raise `NotFound` with `message` if the statement matched no row."""
    if cast("CursorResult[Any]", result).rowcount == 0:
        raise NotFound(message)
