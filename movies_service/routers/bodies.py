"""What all requests with a body have in common."""

from http import HTTPStatus

from fastapi import Request
from starlette.exceptions import HTTPException


async def require_json(request: Request) -> None:
    """Let pass only bodies that are announced as JSON.

    Raises:
        HTTPException: 415.
    """
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != "application/json":
        raise HTTPException(HTTPStatus.UNSUPPORTED_MEDIA_TYPE)
