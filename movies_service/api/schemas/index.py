"""Schema of the entry point."""

from pydantic import BaseModel
from pydantic.config import JsonDict

from movies_service.api.schemas.base import examples

INDEX: JsonDict = {
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


class IndexOut(BaseModel):
    """URLs of the resources; those with braces are URI templates (RFC 6570)."""

    model_config = examples(INDEX)

    movies_url: str
    movie_url: str
    fetches_url: str
    api_keys_url: str
    users_url: str
    login_url: str
    me_url: str
    audit_url: str
    upstream_url: str
    docs_url: str
    openapi_url: str
    ready_url: str
