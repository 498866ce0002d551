"""How each kind of exception becomes a problem document."""

from collections.abc import Sequence
from http import HTTPStatus
from typing import Any, cast

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.routing import Match

from common.errors import MoviesError
from movies_service.http_semantics.problem_details import problem, write_problem

_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE")

_HTTP_CODES = {
    HTTPStatus.NOT_FOUND: (
        "not-found",
        "There is nothing here: GET / lists what there is.",
    ),
    HTTPStatus.METHOD_NOT_ALLOWED: (
        "method-not-allowed",
        "This path does not take this method: the Allow header lists those it takes.",
    ),
    HTTPStatus.BAD_REQUEST: ("malformed-body", "The body is not JSON in UTF-8."),
}


def install_error_handlers(app: FastAPI) -> None:
    """Make every error of `app` a problem document."""
    app.add_exception_handler(MoviesError, _answer_our_error)
    app.add_exception_handler(RequestValidationError, _answer_invalid_request)
    app.add_exception_handler(HTTPException, _answer_http_error)
    app.add_exception_handler(Exception, _answer_unexpected)


async def _answer_our_error(_request: Request, error: Exception) -> Response:
    return problem(cast("MoviesError", error))


async def _answer_unexpected(_request: Request, _error: Exception) -> Response:
    return write_problem(
        HTTPStatus.INTERNAL_SERVER_ERROR,
        "internal-error",
        "This is a fault of the service: report it with the request_id.",
    )


async def _answer_http_error(request: Request, error: Exception) -> Response:
    http_error = cast("HTTPException", error)
    status = HTTPStatus(http_error.status_code)
    code, detail = _HTTP_CODES.get(status, ("http-error", status.description))
    if status is HTTPStatus.UNSUPPORTED_MEDIA_TYPE:
        code, detail = "unsupported-media-type", http_error.detail
    headers = {}
    if status is HTTPStatus.METHOD_NOT_ALLOWED:
        headers["Allow"] = ", ".join(_allowed_methods(request))
    return write_problem(status, code, detail, headers=headers)


def _allowed_methods(request: Request) -> list[str]:
    """Return what the path takes; Starlette names the methods of one of its routes only."""
    routes = request.app.router.routes
    allowed = [
        method
        for method in _METHODS
        if any(
            route.matches({**request.scope, "method": method})[0] is Match.FULL for route in routes
        )
    ]
    return ["HEAD", *allowed] if "GET" in allowed and "HEAD" not in allowed else allowed


async def _answer_invalid_request(_request: Request, error: Exception) -> Response:
    faults: Sequence[dict[str, Any]] = cast("RequestValidationError", error).errors()
    if any(fault["type"] == "json_invalid" for fault in faults):
        return write_problem(HTTPStatus.BAD_REQUEST, *_HTTP_CODES[HTTPStatus.BAD_REQUEST])
    errors = [_describe(fault) for fault in faults]
    return write_problem(
        HTTPStatus.UNPROCESSABLE_ENTITY,
        "invalid-input",
        "; ".join(f"{field}: {message}" for field, message in errors) + ".",
        errors=errors,
    )


def _describe(fault: dict[str, Any]) -> tuple[str, str]:
    """Return the place and the fault of one input, without the input itself."""
    place = [str(part) for part in fault["loc"]]
    if fault["type"] == "extra_forbidden":
        return ".".join(place[:-1]), "it has a field that is not known"
    message = str(fault["msg"]).removeprefix("Value error, ").rstrip(".")
    return ".".join(place), message[:1].lower() + message[1:]
