"""The answers that endpoints document, with an example for each."""

from http import HTTPStatus
from typing import Any

from data_layer.entities.scope import Scope
from movies_service.api.schemas.problem import ProblemOut
from movies_service.http_semantics.headers import REVISION_HEADER
from movies_service.http_semantics.problem_details import MEDIA_TYPE, TYPE_PREFIX

Responses = dict[int | str, dict[str, Any]]

PROBLEM_REF = f"#/components/schemas/{ProblemOut.__name__}"
"""Where `movies_service.api.openapi` puts the schema of problems."""


def example(value: object, status: int = 200, **more: object) -> Responses:
    """Return the documentation of a JSON answer with this example."""
    return {status: {"content": {"application/json": {"example": value}}, **more}}


def problem_response(status: HTTPStatus, code: str, detail: str) -> Responses:
    """Return the documentation of a problem document with this example."""
    document = {
        "type": f"{TYPE_PREFIX}{code}",
        "title": status.phrase,
        "status": status.value,
        "detail": detail,
        "code": code,
        "request_id": "9f2c1d7a5b3e4f60",
    }
    return {
        status.value: {
            "description": f"{status.phrase}: {detail}",
            "content": {MEDIA_TYPE: {"schema": {"$ref": PROBLEM_REF}, "example": document}},
        }
    }


def with_revision(responses: Responses) -> Responses:
    """Return the documentation of answers to writes, which say how to read what was written."""
    header = {
        "description": "Send it back with a read to get this revision or a newer one.",
        "schema": {"type": "integer"},
    }
    return {
        status: {**response, "headers": {REVISION_HEADER: header}}
        for status, response in responses.items()
    }


DATABASE_UNAVAILABLE = problem_response(
    HTTPStatus.SERVICE_UNAVAILABLE,
    "database-unavailable",
    "The database can't be used at the moment.",
)
DATABASE_FULL = problem_response(
    HTTPStatus.INSUFFICIENT_STORAGE,
    "database-full",
    "The database has no room left: nothing was stored, reads go on.",
)
MALFORMED = problem_response(
    HTTPStatus.BAD_REQUEST, "malformed-body", "The body is not JSON in UTF-8."
)
UNAUTHENTICATED = problem_response(
    HTTPStatus.UNAUTHORIZED,
    "unauthenticated",
    "Send an API key in X-API-Key, or Authorization: Bearer and a token.",
)
TOO_LARGE = problem_response(
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    "body-too-large",
    "The body is larger than the 65536 bytes that are read.",
)
UNSUPPORTED = problem_response(
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    "unsupported-media-type",
    "Send the body as it is, without Content-Encoding, and as Content-Type: application/json.",
)
NOT_FOUND = problem_response(HTTPStatus.NOT_FOUND, "not-found", "No movie has this id.")
INVALID = problem_response(
    HTTPStatus.UNPROCESSABLE_ENTITY,
    "invalid-input",
    "query.limit: input should be less than or equal to 100.",
)


def refused(scope: Scope) -> Responses:
    """Return the documentation of the answers to those who may not do this."""
    lacks = f"This credential lacks the scope {scope}."
    return {
        **UNAUTHENTICATED,
        **problem_response(HTTPStatus.FORBIDDEN, "forbidden", lacks),
        **DATABASE_UNAVAILABLE,
    }
