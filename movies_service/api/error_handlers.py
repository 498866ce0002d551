"""Exception handlers: each turns one kind of exception into a problem document (RFC 9457)."""

from collections.abc import Sequence
from http import HTTPStatus
from typing import Any, cast

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.routing import Match

from common.errors import MoviesError
from common.invalid_values import describe_invalid, describe_unknown
from movies_service.api.schemas.base import UNION_TAGS
from movies_service.http_semantics.problem_details import build_problem_response, problem_response

_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE")

ERRORS_MAX = 20
"""Errors of one request that a response names; a body can have thousands."""

_HTTP_CODES = {
    HTTPStatus.NOT_FOUND: ("not-found", "No such path: GET / lists the available endpoints."),
    HTTPStatus.METHOD_NOT_ALLOWED: (
        "method-not-allowed",
        "This path does not support this method: the Allow header lists the supported ones.",
    ),
    HTTPStatus.BAD_REQUEST: ("malformed-body", "The body is not JSON in UTF-8."),
}


def install_error_handlers(app: FastAPI) -> None:
    """Register the handlers, so that every error response of `app` is a problem document."""
    app.add_exception_handler(MoviesError, _handle_movies_error)
    app.add_exception_handler(RequestValidationError, _handle_validation_error)
    app.add_exception_handler(HTTPException, _handle_http_exception)
    app.add_exception_handler(Exception, _handle_unexpected_error)


async def _handle_movies_error(_request: Request, error: Exception) -> Response:
    return problem_response(cast("MoviesError", error))


async def _handle_unexpected_error(_request: Request, _error: Exception) -> Response:
    return build_problem_response(
        HTTPStatus.INTERNAL_SERVER_ERROR,
        "internal-error",
        "Internal error of the service: report it with the request_id.",
    )


async def _handle_http_exception(request: Request, error: Exception) -> Response:
    http_error = cast("HTTPException", error)
    status = HTTPStatus(http_error.status_code)
    code, detail = _HTTP_CODES.get(status, ("http-error", status.description))
    if status is HTTPStatus.UNSUPPORTED_MEDIA_TYPE:
        code, detail = "unsupported-media-type", http_error.detail
    headers = {}
    if status is HTTPStatus.METHOD_NOT_ALLOWED:
        headers["Allow"] = ", ".join(_allowed_methods(request))
    return build_problem_response(status, code, detail, headers=headers)


def _allowed_methods(request: Request) -> list[str]:
    """Return the methods that any route of the path supports.

    The Allow header of Starlette lists the methods of the first matching route only.
    """
    routes = request.app.router.routes
    allowed = [
        method
        for method in _METHODS
        if any(
            route.matches({**request.scope, "method": method})[0] is Match.FULL for route in routes
        )
    ]
    return ["HEAD", *allowed] if "GET" in allowed and "HEAD" not in allowed else allowed


async def _handle_validation_error(request: Request, error: Exception) -> Response:
    details: Sequence[dict[str, Any]] = cast("RequestValidationError", error).errors()
    if any(detail["type"] == "json_invalid" for detail in details):
        return build_problem_response(HTTPStatus.BAD_REQUEST, *_HTTP_CODES[HTTPStatus.BAD_REQUEST])
    errors = [_describe(detail, request) for detail in details[:ERRORS_MAX]]
    return build_problem_response(
        HTTPStatus.UNPROCESSABLE_ENTITY,
        "invalid-input",
        "; ".join(f"{field}: {message}" for field, message in errors) + ".",
        errors=errors,
    )


def _describe(detail: dict[str, Any], request: Request) -> tuple[str, str]:
    """Return the location and the error message of one input value, without the value.

    An unknown field is reported at its parent, since its name is input.
    """
    location = [str(part) for part in detail["loc"] if part not in UNION_TAGS]
    if detail["type"] in {"extra_forbidden", "unexpected_keyword_argument"}:
        known = _body_fields(request) if location[:-1] == ["body"] else ()
        return ".".join(location[:-1]), f"unknown field: {describe_unknown(location[-1], known)}"
    return ".".join(location), describe_invalid(detail)


def _body_fields(request: Request) -> tuple[str, ...]:
    """Return the names of the fields of the endpoint's request body."""
    route: APIRoute = request.scope["route"]
    return tuple(
        name
        for parameter in route.dependant.body_params
        for name in getattr(parameter.field_info.annotation, "model_fields", ())
    )
