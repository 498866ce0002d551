"""Authentication of requests and the scope checks that protected endpoints share."""

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
from movies_service.api.dependencies.use_cases import UseCases, UseCasesDependency

API_KEY_HEADER = APIKeyHeader(
    name="X-API-Key",
    scheme_name="ApiKey",
    description=(
        "An API key, created with `POST /api-keys` or `python -m movies_service api-keys create`."
    ),
    auto_error=False,
)
BEARER = HTTPBearer(
    scheme_name="Bearer",
    description="The `access_token` from `POST /login`.",
    bearerFormat="JWT",
    auto_error=False,
)

_NO_SESSION = "This endpoint requires a user session, not an API key."
_SEND_CREDENTIAL = "Send an API key in X-API-Key, or an access token in Authorization: Bearer."


async def authenticate(
    request: Request,
    use_cases: UseCasesDependency,
    background: BackgroundTasks,
    _key: Annotated[object, Security(API_KEY_HEADER)] = None,
    _token: Annotated[object, Security(BEARER)] = None,
) -> Caller:
    """Return the caller of the request, with the scopes of its credential.

    Without a credential the caller is anonymous and has no scopes. An invalid credential is
    rejected even on public endpoints, since its sender expects it to be valid.

    Raises:
        Unauthenticated: the credential is invalid, or the request carries more than one.
        TooManyRequests: this credential exceeded the request rate, over all addresses.
    """
    secrets = request.headers.getlist("x-api-key")
    authorizations = request.headers.getlist("authorization")
    if len(secrets) + len(authorizations) > 1:
        raise Unauthenticated("Send one credential, not several.")
    if secrets:
        key = await use_cases.read(use_cases.api_keys.authenticate, secrets[0])
        if use_cases.api_keys.is_use_worth_recording(key):
            background.add_task(_record_use, use_cases, key)
        caller = Caller(name=f"key:{key.id}", scopes=key.scopes)
    elif authorizations:
        token = _bearer_token(authorizations[0])
        caller = await use_cases.read(use_cases.sessions.authenticate, token)
    else:
        caller = Caller()
    limits = use_cases.limits
    if caller.is_known and limits.requests is not None:
        await limits.requests.consume(caller.name)
    return caller.at(
        limits.addresses.of(request.scope),
        structlog.contextvars.get_contextvars().get("request_id", ""),
    )


CallerDependency = Annotated[Caller, Depends(authenticate)]

_FORBIDDEN: dict[object, tuple[Forbidden, ...]] = {}
"""Dependencies that reject requests without a credential, with the 403 for an unsuitable one."""


def find_forbidden(dependency: object) -> tuple[Forbidden, ...] | None:
    """Return the 403 of a dependency that requires a credential; `None` for any other."""
    return _FORBIDDEN.get(dependency)


def lacks_scope(scope: Scope) -> Forbidden:
    """Return the error of a credential that does not cover `scope`."""
    return Forbidden(f"This credential lacks the scope {scope}.")


def require(scope: Scope) -> Callable[..., Awaitable[Caller]]:
    """Return a dependency that requires `scope` and returns the caller.

    The dependency raises `Unauthenticated` without a credential, and `Forbidden` if the credential
    does not cover the scope.
    """

    async def check(caller: CallerDependency) -> Caller:
        return _require(caller, scope)

    _FORBIDDEN[check] = (lacks_scope(scope),)
    return check


async def require_add_permission(use_cases: UseCasesDependency, caller: CallerDependency) -> Caller:
    """Return the caller if it may add movies.

    Adding is public, unless MOVIES_ADD_REQUIRES_AUTHENTICATION is set; then it requires the scope
    `movies:write`.

    Raises:
        Unauthenticated: a credential is required, and none was sent.
        Forbidden: the credential does not cover the scope.
    """
    if use_cases.policy.adding_requires_authentication:
        _require(caller, Scope.MOVIES_WRITE)
    return caller


async def require_known_caller(caller: CallerDependency) -> Caller:
    """Return the caller if the request carries any valid credential.

    Raises:
        Unauthenticated: no credential was sent.
    """
    if not caller.is_known:
        raise Unauthenticated(_SEND_CREDENTIAL)
    return caller


async def require_session(caller: CallerDependency) -> Caller:
    """Return the caller if it is a user with a session.

    Raises:
        Unauthenticated: no credential was sent.
        Forbidden: the credential is an API key.
    """
    if not caller.is_known:
        raise Unauthenticated("Send an access token in Authorization: Bearer.")
    if caller.session_id is None:
        raise Forbidden(_NO_SESSION)
    return caller


_FORBIDDEN |= {require_known_caller: (), require_session: (Forbidden(_NO_SESSION),)}


def require_scopes(caller: Caller, scopes: Iterable[Scope]) -> None:
    """Require that the caller covers all `scopes`.

    Callers may grant, and may change accounts that have, only scopes of their own.

    Raises:
        Unauthenticated: `scopes` is not empty, and no credential was sent.
        Forbidden: the credential does not cover one of the scopes.
    """
    for scope in scopes:
        _require(caller, scope)


def _require(caller: Caller, scope: Scope) -> Caller:
    if not caller.is_known:
        raise Unauthenticated(_SEND_CREDENTIAL)
    if not caller.covers(scope):
        raise lacks_scope(scope)
    return caller


def _bearer_token(authorization: str) -> str:
    scheme, _, token = authorization.partition(" ")
    if scheme.lower() != "bearer":
        raise Unauthenticated("Authorization must be Bearer followed by an access token.")
    return token.strip()


async def _record_use(use_cases: UseCases, key: ApiKey) -> None:
    with suppress(MoviesError):  # A missed record costs nothing: the next use is recorded.
        await use_cases.write(use_cases.api_keys.record_use, key)
