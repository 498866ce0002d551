"""Dependency that binds the `Prefer` header (RFC 7240) to endpoints."""

from typing import Annotated

from fastapi import Depends, Request
from fastapi import Header as HeaderField

from movies_service.http_semantics.prefer import WAIT_MAX_SECONDS, PreferHeader, parse_prefer


async def get_prefer(
    request: Request,
    _prefer: Annotated[
        str | None,
        HeaderField(
            alias="Prefer",
            description=(
                "RFC 7240. `respond-async` asks for a 202 instead of waiting; `wait=N` limits the"
                f" wait to N seconds, at most {WAIT_MAX_SECONDS}. Honoured preferences are listed"
                " in the response header `Preference-Applied`."
            ),
            examples=["respond-async, wait=5"],
        ),
    ] = None,
) -> PreferHeader:
    """Return the preferences of the request; unknown ones are ignored."""
    return parse_prefer(request.headers.getlist("prefer"))


PreferDependency = Annotated[PreferHeader, Depends(get_prefer)]
