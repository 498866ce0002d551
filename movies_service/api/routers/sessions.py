"""Signing in with a password, and out again."""

from http import HTTPStatus
from typing import Annotated
from urllib.parse import parse_qsl

from fastapi import APIRouter, Depends, Request, Response
from pydantic import ValidationError

from common.errors import MalformedBody
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
from movies_service.api.dependencies.use_cases import ServicesDependency
from movies_service.api.rendering.private import answer_privately
from movies_service.api.schemas import user_examples as examples
from movies_service.api.schemas.users import MeOut, PasswordIn, RefreshIn, SignInIn, TokensOut
from movies_service.http_semantics.query_parameters import require_known

router = APIRouter(tags=["sessions"], route_class=StrictRoute)

_FORM = "application/x-www-form-urlencoded"

SignedIn = Annotated[Caller, Depends(require_session)]


@router.post(
    "/login",
    summary="Sign in",
    response_model=TokensOut,
    responses=examples.SIGN_IN_RESPONSES,
    openapi_extra=body_of((JSON, SignInIn), (_FORM, SignInIn)),
)
async def sign_in(
    request: Request, services: ServicesDependency, caller: CallerDependency
) -> Response:
    """Give tokens for a username and a password, as JSON or as a form."""
    media_type = require_media_type(request, JSON, _FORM)
    body = await request.body()
    wanted = validate_body(SignInIn, body) if media_type == JSON else _read_form(body)
    tokens = await services.sign_in.run(wanted.username.lower(), wanted.password, caller)
    return answer_privately(TokensOut.of(tokens))


@router.post(
    "/login/refresh",
    summary="Stay signed in",
    response_model=TokensOut,
    responses=examples.REFRESH_RESPONSES,
    dependencies=[Depends(require_json)],
)
async def refresh(
    services: ServicesDependency, caller: CallerDependency, wanted: RefreshIn
) -> Response:
    """Give new tokens for a refresh token, which is good once: a second time ends the session."""
    tokens = await services.write(services.sessions.refresh, wanted.refresh_token, caller)
    return answer_privately(TokensOut.of(tokens))


@router.post(
    "/logout",
    summary="Sign out",
    status_code=HTTPStatus.NO_CONTENT,
    responses=examples.SIGN_OUT_RESPONSES,
)
async def sign_out(services: ServicesDependency, user: SignedIn) -> Response:
    """End the session of the access token, at once."""
    await services.write(services.sessions.end, user.session_id or "", user)
    return Response(status_code=HTTPStatus.NO_CONTENT)


@router.get("/me", summary="See who you are", response_model=MeOut, responses=examples.ME_RESPONSES)
async def get_me(caller: Annotated[Caller, Depends(require_known_caller)]) -> Response:
    """Return whose credential this is, and what it may do."""
    return answer_privately(MeOut.of(caller))


@router.post(
    "/me/password",
    summary="Change your password",
    status_code=HTTPStatus.NO_CONTENT,
    responses=examples.PASSWORD_RESPONSES,
    dependencies=[Depends(require_json)],
)
async def change_password(
    services: ServicesDependency, user: SignedIn, wanted: PasswordIn
) -> Response:
    """Replace the password, and end every session, this one too."""
    await services.sign_in.change_password(user, wanted.password, wanted.new_password)
    return Response(status_code=HTTPStatus.NO_CONTENT)


def _read_form(body: bytes) -> SignInIn:
    try:
        pairs = parse_qsl(body.decode("ascii"), keep_blank_values=True, errors="strict")
    except ValueError:
        raise MalformedBody("The body is no form in UTF-8.") from None
    require_known(pairs, tuple(SignInIn.model_fields))
    try:
        return SignInIn.model_validate(dict(pairs))
    except ValidationError as error:
        raise invalid_body(error) from None
