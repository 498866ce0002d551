"""Entry point of the API: the URLs of its resources."""

import orjson
from fastapi import APIRouter, Request, Response

from movies_service.api.rendering.conditional_requests import json_response
from movies_service.api.schemas.index import INDEX, IndexOut

router = APIRouter(tags=["index"])


@router.get("/", summary="List the entry points", response_model=IndexOut)
async def get_index(request: Request) -> Response:
    """Return the URLs of the resources. Public; supports `If-None-Match`."""
    return json_response(request, orjson.dumps(INDEX))
