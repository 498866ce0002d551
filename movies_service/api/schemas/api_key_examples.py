"""What the endpoints of API keys answer, as their documentation shows it."""

from http import HTTPStatus

from data_layer.entities.scope import Scope
from movies_service.api.response_docs import (
    DATABASE_FULL,
    INVALID,
    MALFORMED,
    TOO_LARGE,
    UNSUPPORTED,
    Responses,
    example,
    problem_response,
    refused,
)

_KEY = {
    "id": "0123abcd",
    "prefix": "mvs_0123abcd",
    "name": "nightly import",
    "scopes": ["movies:delete"],
    "created_at": "2026-11-21T12:00:00Z",
    "expires_at": None,
    "revoked_at": None,
    "last_used_at": "2026-11-21T13:00:00Z",
    "self_url": "/api-keys/0123abcd",
}
_NEW_KEY = {**_KEY, "last_used_at": None, "key": "mvs_0123abcd_…"}

_REFUSED = refused(Scope.KEYS_ADMIN)
_NOT_FOUND = problem_response(
    HTTPStatus.NOT_FOUND, "not-found", "There is no API key with this id."
)
MAKE_RESPONSES: Responses = {
    **example(_NEW_KEY, HTTPStatus.CREATED, description="It is made."),
    **MALFORMED,
    **_REFUSED,
    **problem_response(
        HTTPStatus.CONFLICT,
        "conflict",
        "There is, or was, an API key of this name: choose another one.",
    ),
    **UNSUPPORTED,
    **TOO_LARGE,
    **INVALID,
    **DATABASE_FULL,
}
LIST_RESPONSES: Responses = {**example({"api_keys": [_KEY]}), **_REFUSED}
GET_RESPONSES: Responses = {**example(_KEY), **_REFUSED, **_NOT_FOUND, **INVALID}
REVOKE_RESPONSES: Responses = {
    204: {"description": "It opens nothing any more."},
    **_REFUSED,
    **_NOT_FOUND,
    **INVALID,
}
ROTATE_RESPONSES: Responses = {
    **example(_NEW_KEY),
    **MALFORMED,
    **_REFUSED,
    **_NOT_FOUND,
    **problem_response(
        HTTPStatus.CONFLICT,
        "conflict",
        "This API key opens nothing any more: make a new one.",
    ),
    **INVALID,
}
