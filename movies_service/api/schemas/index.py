"""Where everything is."""

from pydantic import BaseModel


class IndexOut(BaseModel):
    """The places of the API; those in braces are templates of RFC 6570."""

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
