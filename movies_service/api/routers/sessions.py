"""Endpoints of sessions: log in, refresh tokens, log out, and change the password."""

from http import HTTPStatus
from typing import Annotated
from urllib.parse import parse_qsl

from fastapi import APIRouter, Depends, Request, Response
from pydantic import ValidationError

from common.errors import MalformedBody, Unauthenticated
from movies_service.accounts.caller import Caller
from movies_service.api.dependencies.authentication import (
    CallerDependency,
    require_known_caller,
    require_session,
)
from movies_service.api.dependencies.json_body import (
    JSON,
    StrictRoute,
    body_of,
    invalid_body,
    require_json,
    require_media_type,
    validate_body,
)
from movies_service.api.dependencies.use_cases import UseCasesDependency
from movies_service.api.rendering.private import private_json_response
from movies_service.api.response_docs import errors
from movies_service.api.schemas.users import LoginIn, MeOut, PasswordIn, RefreshIn, TokensOut
from movies_service.http_semantics.query_parameters import PARAMETERS_MAX, require_known

router = APIRouter(tags=["sessions"], route_class=StrictRoute)

_FORM = "application/x-www-form-urlencoded"

SessionUser = Annotated[Caller, Depends(require_session)]


@router.post(
    "/login",
    summary="Log in",
    response_model=TokensOut,
    responses=errors(Unauthenticated("The username or the password is wrong.")),
    openapi_extra=body_of((JSON, LoginIn), (_FORM, LoginIn)),
)
async def sign_in(
    request: Request, use_cases: UseCasesDependency, caller: CallerDependency
) -> Response:
    """Start a session: exchange username and password for an access and a refresh token. Public.

    The body is JSON or a URL-encoded form. Send the access token as `Authorization: Bearer …`; it
    is valid for 15 minutes. A session lasts 30 days. Unknown users, disabled users and wrong
    passwords get the same 401; repeated failures are delayed with a 429 and `Retry-After`.
    """
    media_type = require_media_type(request, JSON, _FORM)
    body = await request.body()
    login = validate_body(LoginIn, body) if media_type == JSON else _parse_form(body)
    tokens = await use_cases.login.run(login.username.lower(), login.password, caller)
    return private_json_response(TokensOut.of(tokens))


@router.post(
    "/login/refresh",
    summary="Refresh the tokens",
    response_model=TokensOut,
    responses=errors(Unauthenticated("This session has ended: log in again.")),
    dependencies=[Depends(require_json)],
)
async def refresh(
    use_cases: UseCasesDependency, caller: CallerDependency, body: RefreshIn
) -> Response:
    """Exchange a refresh token for a new access token and a new refresh token. Public.

    A refresh token is valid once. If the response was lost, repeat the request within 30 seconds
    from the same address: it returns the same pair. Any other second use of a token may be that of
    a thief: the session ends, and the user has to log in again.
    """
    tokens = await use_cases.write(use_cases.sessions.refresh, body.refresh_token, caller)
    return private_json_response(TokensOut.of(tokens))


@router.post(
    "/logout",
    summary="Log out",
    status_code=HTTPStatus.NO_CONTENT,
    response_description="The session has ended.",
)
async def sign_out(use_cases: UseCasesDependency, user: SessionUser) -> Response:
    """End the session of the access token immediately; its tokens become invalid.

    Requires an access token of a user, not an API key.
    """
    await use_cases.write(use_cases.sessions.end, user.session_id or "", user)
    return Response(status_code=HTTPStatus.NO_CONTENT)


@router.get("/me", summary="Get the current caller", response_model=MeOut)
async def get_me(caller: Annotated[Caller, Depends(require_known_caller)]) -> Response:
    """Return the owner of the credential and its scopes. Requires any valid credential."""
    return private_json_response(MeOut.of(caller))


@router.post(
    "/me/password",
    summary="Change your password",
    status_code=HTTPStatus.NO_CONTENT,
    response_description="The password is changed, and all sessions of the user have ended.",
    dependencies=[Depends(require_json)],
)
async def change_password(
    use_cases: UseCasesDependency, user: SessionUser, body: PasswordIn
) -> Response:
    """Replace the password of the user, and end all their sessions, including this one.

    Requires an access token of a user, not an API key, and the current password.
    """
    await use_cases.login.change_password(user, body.password, body.new_password)
    return Response(status_code=HTTPStatus.NO_CONTENT)


def _parse_form(body: bytes) -> LoginIn:
    try:
        pairs = parse_qsl(
            body.decode("ascii"),
            keep_blank_values=True,
            errors="strict",
            max_num_fields=PARAMETERS_MAX,
        )
    except ValueError:
        raise MalformedBody(
            f"The body is not a URL-encoded form in UTF-8 of at most {PARAMETERS_MAX} fields."
        ) from None
    require_known(pairs, tuple(LoginIn.model_fields))
    try:
        return LoginIn.model_validate(dict(pairs))
    except ValidationError as error:
        raise invalid_body(error) from None
