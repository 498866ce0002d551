"""Who may do what: the one check that protected endpoints share."""

from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import Security
from fastapi.security import APIKeyHeader

from common.errors import Forbidden, Unauthenticated
from data_layer.entities.api_key import ApiKey, Scope
from movies_service.services import ServicesDependency

API_KEY_HEADER = APIKeyHeader(
    name="X-API-Key",
    scheme_name="ApiKey",
    description="A key made with `python -m movies_service keys create`.",
    auto_error=False,
)


def require(scope: Scope) -> Callable[..., Awaitable[ApiKey]]:
    """Return a dependency that lets pass who may do what `scope` stands for.

    Raises:
        Unauthenticated: no key was sent, or one that opens nothing.
        Forbidden: the key does not cover the scope.
    """

    async def check(
        services: ServicesDependency,
        secret: Annotated[str | None, Security(API_KEY_HEADER)] = None,
    ) -> ApiKey:
        if not secret:
            raise Unauthenticated("Send an API key in the X-API-Key header.")
        key = await services.read(services.api_keys.authenticate, secret)
        if not key.covers(scope):
            raise Forbidden(f"This API key lacks the scope {scope}.")
        return key

    return check
