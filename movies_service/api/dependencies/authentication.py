"""Who may do what: the one check that protected endpoints share."""

from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from typing import Annotated

import structlog
from fastapi import BackgroundTasks, Depends, Request, Security
from fastapi.security import APIKeyHeader, HTTPBearer

from common.errors import Forbidden, MoviesError, Unauthenticated
from data_layer.entities.api_key import ApiKey
from data_layer.entities.scope import Scope
from movies_service.accounts.caller import Caller
from movies_service.api.dependencies.use_cases import Services, ServicesDependency

API_KEY_HEADER = APIKeyHeader(
    name="X-API-Key",
    scheme_name="ApiKey",
    description="A key made with `POST /api-keys` or `python -m movies_service keys create`.",
    auto_error=False,
)
BEARER = HTTPBearer(
    scheme_name="Bearer",
    description="The `access_token` of `POST /login`.",
    bearerFormat="JWT",
    auto_error=False,
)


_SEND_ONE = "Send an API key in X-API-Key, or Authorization: Bearer and a token."


async def find_caller(
    request: Request,
    services: ServicesDependency,
    background: BackgroundTasks,
    _key: Annotated[object, Security(API_KEY_HEADER)] = None,
    _token: Annotated[object, Security(BEARER)] = None,
) -> Caller:
    """Return who asks, with what they may do.

    A credential that opens nothing is an error even where none is needed: whoever sends it
    believes that it does.

    Raises:
        Unauthenticated: it opens nothing, or there are several.
        TooManyRequests: this credential has asked too often, from wherever.
    """
    secrets = request.headers.getlist("x-api-key")
    authorizations = request.headers.getlist("authorization")
    if len(secrets) + len(authorizations) > 1:
        raise Unauthenticated("Send one credential, not several.")
    if secrets:
        key = await services.read(services.api_keys.authenticate, secrets[0])
        if services.api_keys.is_use_worth_noting(key):
            background.add_task(_note_use, services, key)
        caller = Caller(name=f"key:{key.id}", scopes=key.scopes)
    elif authorizations:
        token = _token_of(authorizations[0])
        caller = await services.read(services.sessions.authenticate, token)
    else:
        caller = Caller()
    limits = services.limits
    if caller.is_known and limits.requests is not None:
        await limits.requests.take(caller.name)
    return caller.at(
        limits.addresses.of(request.scope),
        structlog.contextvars.get_contextvars().get("request_id", ""),
    )


CallerDependency = Annotated[Caller, Depends(find_caller)]


_PROTECTING: set[object] = set()
"""The dependencies that let nobody pass without a credential."""


def is_protecting(dependency: object) -> bool:
    """Tell whether a dependency lets nobody pass without a credential."""
    return dependency in _PROTECTING


def require(scope: Scope) -> Callable[..., Awaitable[Caller]]:
    """Return a dependency that lets pass who may do what `scope` stands for.

    Raises:
        Unauthenticated: no credential was sent, or one that opens nothing.
        Forbidden: the credential does not cover the scope.
    """

    async def check(caller: CallerDependency) -> Caller:
        return _require(caller, scope)

    _PROTECTING.add(check)
    return check


async def require_for_adding(services: ServicesDependency, caller: CallerDependency) -> Caller:
    """Let pass who may add films: everybody, unless the operator has closed it.

    Raises:
        Unauthenticated: no credential was sent, or one that opens nothing.
        Forbidden: the credential does not cover the scope.
    """
    if services.policy.adding_requires_key:
        _require(caller, Scope.MOVIES_WRITE)
    return caller


async def require_known_caller(caller: CallerDependency) -> Caller:
    """Let pass everybody who has sent a credential.

    Raises:
        Unauthenticated: none was sent, or one that opens nothing.
    """
    if not caller.is_known:
        raise Unauthenticated(_SEND_ONE)
    return caller


async def require_session(caller: CallerDependency) -> Caller:
    """Let pass users who have signed in.

    Raises:
        Unauthenticated: no credential was sent, or one that opens nothing.
        Forbidden: it is an API key.
    """
    if not caller.is_known:
        raise Unauthenticated("Send an access token: Authorization: Bearer, and the token.")
    if caller.session_id is None:
        raise Forbidden("This is for users who have signed in, not for API keys.")
    return caller


_PROTECTING.update((require_known_caller, require_session))


def require_covered(caller: Caller, scopes: Iterable[Scope]) -> None:
    """Let pass who may do all of this: nobody gives, or takes over, more than they have.

    Raises:
        Forbidden: the credential does not cover one of the scopes.
    """
    for scope in scopes:
        _require(caller, scope)


def _require(caller: Caller, scope: Scope) -> Caller:
    if not caller.is_known:
        raise Unauthenticated(_SEND_ONE)
    if not caller.covers(scope):
        raise Forbidden(f"This credential lacks the scope {scope}.")
    return caller


def _token_of(authorization: str) -> str:
    scheme, _, token = authorization.partition(" ")
    if scheme.lower() != "bearer":
        raise Unauthenticated("Authorization takes Bearer and an access token.")
    return token.strip()


async def _note_use(services: Services, key: ApiKey) -> None:
    with suppress(MoviesError):  # The next use is as good.
        await services.write(services.api_keys.note_use, key)
