"""What the endpoints of users and sessions answer, as their documentation shows it."""

from http import HTTPStatus

from data_layer.entities.scope import Scope
from movies_service.api.response_docs import (
    DATABASE_FULL,
    DATABASE_UNAVAILABLE,
    INVALID,
    MALFORMED,
    TOO_LARGE,
    UNAUTHENTICATED,
    UNSUPPORTED,
    Responses,
    example,
    problem_response,
    refused,
)

_TOKENS = {
    "access_token": "eyJhbGciOiJIUzI1NiIsImtpZCI6…",
    "token_type": "bearer",
    "expires_in": 900,
    "refresh_token": "mvr_0123456789abcdef0123456789abcdef_…",
}
_USER = {
    "username": "alice",
    "scopes": ["movies:write"],
    "created_at": "2026-11-21T12:00:00Z",
    "disabled_at": None,
    "self_url": "/users/alice",
}
_BODY: Responses = {**MALFORMED, **TOO_LARGE, **UNSUPPORTED, **INVALID, **DATABASE_FULL}
_REFUSED = refused(Scope.USERS_ADMIN)
_NOT_FOUND = problem_response(HTTPStatus.NOT_FOUND, "not-found", "There is no user of this name.")
_NO_SESSION: Responses = {
    **UNAUTHENTICATED,
    **problem_response(
        HTTPStatus.FORBIDDEN,
        "forbidden",
        "This is for users who have signed in, not for API keys.",
    ),
    **DATABASE_UNAVAILABLE,
}

SIGN_IN_RESPONSES: Responses = {
    **example(_TOKENS),
    **problem_response(
        HTTPStatus.UNAUTHORIZED, "unauthenticated", "The username or the password is wrong."
    ),
    **_BODY,
}
REFRESH_RESPONSES: Responses = {
    **example(_TOKENS),
    **problem_response(
        HTTPStatus.UNAUTHORIZED, "unauthenticated", "This session has ended: sign in again."
    ),
    **_BODY,
}
SIGN_OUT_RESPONSES: Responses = {204: {"description": "The session has ended."}, **_NO_SESSION}
ME_RESPONSES: Responses = {
    **example({"caller": "user:alice", "scopes": ["movies:write"]}),
    **UNAUTHENTICATED,
    **DATABASE_UNAVAILABLE,
}
PASSWORD_RESPONSES: Responses = {
    204: {"description": "It is changed; every session has ended, this one too."},
    **_NO_SESSION,
    **_BODY,
}

ADD_RESPONSES: Responses = {
    **example(_USER, HTTPStatus.CREATED, description="It is made."),
    **_REFUSED,
    **problem_response(
        HTTPStatus.CONFLICT, "conflict", "There is a user of this name: choose another one."
    ),
    **_BODY,
}
LIST_RESPONSES: Responses = {**example({"users": [_USER]}), **_REFUSED}
GET_RESPONSES: Responses = {**example(_USER), **_REFUSED, **_NOT_FOUND, **INVALID}
CHANGE_RESPONSES: Responses = {**example(_USER), **_REFUSED, **_NOT_FOUND, **_BODY}
