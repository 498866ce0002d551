"""The entrance."""

import orjson
from fastapi import APIRouter, Request, Response

from movies_service.api.rendering.conditional_requests import answer_json
from movies_service.api.schemas.index import IndexOut

router = APIRouter(tags=["index"])

INDEX = {
    "movies_url": "/movies",
    "movie_url": "/movies/{id}",
    "fetches_url": "/fetches",
    "api_keys_url": "/api-keys",
    "users_url": "/users",
    "login_url": "/login",
    "me_url": "/me",
    "audit_url": "/audit",
    "upstream_url": "/upstream",
    "docs_url": "/docs",
    "openapi_url": "/openapi.json",
    "ready_url": "/health/ready",
}


@router.get(
    "/",
    summary="See what there is",
    response_model=IndexOut,
    responses={200: {"content": {"application/json": {"example": INDEX}}}},
)
async def get_index(request: Request) -> Response:
    """Return the places of the API."""
    return answer_json(request, orjson.dumps(INDEX))
