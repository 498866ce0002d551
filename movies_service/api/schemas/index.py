"""Schema of the entry point."""

from pydantic import BaseModel
from pydantic.config import JsonDict

from data_fetcher.movie_json.document import with_fields
from movies_service.api.schemas.base import examples

INDEX: JsonDict = {
    "movies_url": "/movies",
    "movie_url": "/movies/{id}",
    "fetches_url": "/fetches",
    "ingests_url": "/ingests",
    "api_keys_url": "/api-keys",
    "users_url": "/users",
    "login_url": "/login",
    "me_url": "/me",
    "audit_url": "/audit",
    "upstream_url": "/upstream",
    "docs_url": "/docs",
    "openapi_url": "/openapi.json",
    "live_url": "/health/live",
    "ready_url": "/health/ready",
    "metrics_url": "/metrics",
}


@with_fields(dict.fromkeys(INDEX, (str, ...)))
class IndexOut(BaseModel):
    """URLs of the resources; those with braces are URI templates (RFC 6570)."""

    model_config = examples(INDEX)
