"""Who may do what: the one check that protected endpoints share."""

from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from typing import Annotated

from fastapi import BackgroundTasks, Depends, Security
from fastapi.security import APIKeyHeader

from common.errors import Forbidden, MoviesError, Unauthenticated
from data_layer.entities.api_key import ApiKey, Scope
from movies_service.services import Services, ServicesDependency

API_KEY_HEADER = APIKeyHeader(
    name="X-API-Key",
    scheme_name="ApiKey",
    description="A key made with `POST /api-keys` or `python -m movies_service keys create`.",
    auto_error=False,
)


async def find_credential(
    services: ServicesDependency,
    background: BackgroundTasks,
    secret: Annotated[str | None, Security(API_KEY_HEADER)] = None,
) -> ApiKey | None:
    """Return the key that was sent, or `None` where none was.

    A key that opens nothing is an error even where none is needed: whoever sends it believes that
    it does.

    Raises:
        Unauthenticated: it opens nothing.
    """
    if not secret:
        return None
    key = await services.read(services.api_keys.authenticate, secret)
    if services.api_keys.is_use_worth_noting(key):
        background.add_task(_note_use, services, key)
    return key


Credential = Annotated[ApiKey | None, Depends(find_credential)]


def require(scope: Scope) -> Callable[..., Awaitable[ApiKey]]:
    """Return a dependency that lets pass who may do what `scope` stands for.

    Raises:
        Unauthenticated: no key was sent, or one that opens nothing.
        Forbidden: the key does not cover the scope.
    """

    async def check(key: Credential) -> ApiKey:
        return _require(key, scope)

    return check


async def require_for_adding(services: ServicesDependency, key: Credential) -> None:
    """Let pass who may add films: everybody, unless the operator has closed it.

    Raises:
        Unauthenticated: no key was sent, or one that opens nothing.
        Forbidden: the key does not cover the scope.
    """
    if services.policy.adding_requires_key:
        _require(key, Scope.MOVIES_WRITE)


def require_covered(key: ApiKey, scopes: Iterable[Scope]) -> None:
    """Let pass who may do all of this: nobody gives, or takes over, more than they have.

    Raises:
        Forbidden: the key does not cover one of the scopes.
    """
    for scope in scopes:
        _require(key, scope)


def _require(key: ApiKey | None, scope: Scope) -> ApiKey:
    if key is None:
        raise Unauthenticated("Send an API key in the X-API-Key header.")
    if not key.covers(scope):
        raise Forbidden(f"This API key lacks the scope {scope}.")
    return key


async def _note_use(services: Services, key: ApiKey) -> None:
    with suppress(MoviesError):  # The next use is as good.
        await services.write(services.api_keys.note_use, key)
